// Users who do not give up: they repeat what was not answered, under the same key, until they know how it ended.
import assert from 'node:assert/strict';
import { User, sleep, timePattern, uuidPattern } from './user.js';

export const LIMIT_MS = 30000;
const unsettled = new Set(['IDEMPOTENCY_IN_PROGRESS', 'PAYMENT_IN_PROGRESS']);

export class Patron extends User {
  // The final answer to a request that may be repeated as it is.
  async insist(ask) {
    let last;
    for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(50)) {
      last = await ask().catch((error) => error);
      if (last instanceof Error || last.status >= 500 || last.status === 429 || last.status === 202) continue;
      if (!unsettled.has(last.body?.code)) return last;
    }
    const said = last instanceof Error ? `${last.message} ${last.cause ?? ''}` : JSON.stringify(last);
    throw new Error(`no end within ${LIMIT_MS} ms: ${said}`);
  }

  async arrive() {
    await this.insist(() => this.join());
    for (;;) {
      const answer = await this.insist(() => this.ask('GET', '/v1/queue/tokens/me'));
      if (answer.body.status === 'ACTIVE') break;
      await sleep(50);
    }
    return this;
  }

  async hold(seat) {
    const answer = await this.insist(() => this.reserve(seat, { key: 'seat' }));
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    this.held = answer.body;
    return answer;
  }

  async fund(amount) {
    const answer = await this.insist(() => this.charge(amount, 'money'));
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    this.funds = amount;
    return answer;
  }

  read(path) {
    return this.insist(() => this.ask('GET', path)).then((answer) => {
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body;
    });
  }

  // What everybody must agree about after a payment that was answered so.
  async agrees(answer) {
    const paid = answer.status === 201;
    const { payments } = await this.read('/v1/payments');
    const { transactions } = await this.read(`/v1/users/${this.id}/transactions`);
    const reservation = await this.read(`/v1/reservations/${this.held.reservation_id}`);
    const said = JSON.stringify({ told: answer.body, payments, transactions, reservation });
    const kinds = transactions.map(({ kind }) => kind).sort().join(' ');
    const balance = transactions.reduce((sum, { amount }) => sum + amount, 0);
    if (!paid) {
      assert.equal(balance, this.funds, said);
      assert.ok(['CHARGE', 'CHARGE DEBIT REFUND'].includes(kinds), said);
      assert.ok(['HELD', 'EXPIRED'].includes(reservation.status), said);
      assert.ok(payments.every(({ status }) => status === 'FAILED'), said);
      return;
    }
    assert.equal(kinds, 'CHARGE DEBIT', said);
    assert.equal(balance, this.funds - this.held.price, said);
    assert.equal(reservation.status, 'CONFIRMED', said);
    assert.equal(payments.length, 1, said);
    const [payment] = payments;
    assert.deepEqual(answer.body, payment, said);
    assert.match(payment.payment_id, uuidPattern);
    assert.match(payment.paid_at, timePattern);
    const { reservation_id, concert_id, date, seat_no, price, currency } = this.held;
    const wanted = {
      reservation_id, concert_id, date, seat_no, currency, user_id: this.id, amount: price, status: 'COMPLETED',
      balance_after: balance,
    };
    for (const [member, value] of Object.entries(wanted)) assert.equal(payment[member], value, `${member}: ${said}`);
  }
}
