// What Boxoffice is for: far more fans than seats in the same second, and instances that die while they queue, choose and pay.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, it } from 'node:test';
import { Suite } from '../support/suite.js';
import { Dates, User, ask, count, sleep } from '../support/user.js';

const fanCount = 1500;
const patienceMs = 120_000;
const settings = { QUEUE_CAPACITY: '80', RESERVATION_HOLD_TTL_MS: '4000', PAYMENT_LEASE_MS: '3000' };
const victims = ['QUEUE', 'CONCERT', 'RESERVATION', 'WALLET', 'PAYMENT', 'GATEWAY'];

let suite, date;
before(async () => {
  suite = await Suite.start(settings);
  date = (await Dates.of(suite)).next();
});
after(() => suite?.stop());

// One fan: patient, sends a request again (with its key) when nobody or only a 503 answered, as any client of ours may.
class Fan extends User {
  constructor(number, end) {
    super(suite);
    this.number = number;
    this.end = end;
  }

  async ask(method, path, options = {}) {
    const key = method === 'POST' && path !== '/v1/queue/tokens' ? randomUUID() : undefined;
    for (;;) {
      assert.ok(Date.now() < this.end, `fan ${this.number} still waits for ${method} ${path}`);
      const answer = await ask(suite.nextGateway(), method, path, {
        token: this.token, key, timeoutMs: 10_000, ...options,
      }).catch(() => undefined);
      const again = answer === undefined || [429, 503, 504].includes(answer.status) || answer.body?.code === 'IDEMPOTENCY_IN_PROGRESS';
      if (!again) return answer;
      await sleep(100 + Math.random() * 200);
    }
  }

  // Some change their mind: by number, so that a run can be told again.
  get walksAway() {
    return this.number % 7 === 0;
  }
  get cancels() {
    return this.number % 11 === 0;
  }

  async live() {
    await this.join();
    this.sequence = this.claims.seq;
    await this.untilActive(patienceMs);
    for (;;) {
      const map = await this.seats(date.concert_id, date.date, '?view=all');
      const seats = map.dates[0].seats;
      if (seats.every((seat) => seat.status === 'SOLD')) return this.go('sold out');
      const free = seats.filter((seat) => seat.status === 'AVAILABLE');
      const ending = free.length > 0 ? await this.tryFor(free[this.number % free.length]) : undefined;
      if (ending !== undefined) return ending;
      await sleep(300 + Math.random() * 300);
    }
  }

  async go(ending) {
    await this.leave();
    return ending;
  }

  // The ending when there is one, undefined when somebody was faster.
  async tryFor({ seat_no }) {
    const held = await this.reserve({ ...date, seat_no });
    if (held.status !== 201) {
      assert.ok(['SEAT_HELD', 'SEAT_SOLD'].includes(held.body.code), JSON.stringify(held.body));
      return undefined;
    }
    this.seatNo = seat_no;
    if (this.walksAway) return this.go('walked away');
    if (this.cancels) {
      assert.equal((await this.cancel(held.body)).status, 204);
      return this.go('cancelled');
    }
    assert.equal((await this.charge(held.body.price)).status, 201);
    const paid = await this.pay(held.body);
    if (paid.status === 410) return undefined; // the hold lapsed while instances died
    return this.learnTheEnd(paid, held.body);
  }

  async learnTheEnd(paid, held) {
    // A payment that still ran, or whose answer was lost with its instance and whose token is used: the receipt says it.
    assert.ok([201, 202].includes(paid.status) || paid.body.code === 'TOKEN_EXPIRED', JSON.stringify(paid.body));
    for (;;) {
      const [payment] = (await this.ask('GET', '/v1/payments')).body.payments;
      if (payment.status === 'COMPLETED') {
        assert.equal(payment.reservation_id, held.reservation_id);
        return 'bought';
      }
      if (payment.status === 'FAILED') return undefined;
      await sleep(200);
    }
  }
}

// Kills one instance after the other and starts it again, until told to stop.
async function breakThings(state) {
  for (let turn = 0; !state.over; turn++) {
    const name = `${victims[turn % victims.length]}_${1 + (Math.floor(turn / victims.length) % 2)}`;
    suite.signal(name, 'SIGKILL');
    await suite.untilGone(name);
    state.killed.push(name);
    await suite.up();
    await sleep(500);
  }
}

it(`${fanCount} fans for 50 seats while instances die: each seat sold once, everybody told the truth`, async () => {
  const end = Date.now() + patienceMs;
  const fans = Array.from({ length: fanCount }, (_, i) => new Fan(i + 1, end));
  const state = { over: false, killed: [] };
  const breaking = breakThings(state);
  let endings;
  try {
    endings = await Promise.all(fans.map((fan) => fan.live()));
  } finally {
    state.over = true;
    await breaking;
  }
  const told = count(endings, (ending) => ending);
  assert.equal(told.bought, 50, JSON.stringify(told));
  assert.ok(told['sold out'] > fanCount / 2, JSON.stringify(told));
  assert.ok(state.killed.length >= 3, `only ${state.killed} died`);
  const buyers = fans.filter((_, i) => endings[i] === 'bought');
  assert.equal(new Set(buyers.map((fan) => fan.seatNo)).size, 50, 'fifty different seats');
  const sequences = fans.map((fan) => fan.sequence);
  assert.equal(new Set(sequences).size, fanCount, 'no number twice');
  console.log(`${JSON.stringify(told)}, killed: ${state.killed.join(' ')}`);
});

it('every invariant holds afterwards', () => suite.audit());
