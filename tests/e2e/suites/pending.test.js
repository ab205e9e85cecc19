// Payments that take longer than their users wait: with the wallets away, with the queue away.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { LIMIT_MS, Patron } from '../support/patron.js';
import { call, stub } from '../support/stubs.js';
import { Suite } from '../support/suite.js';
import { Dates, expect, expectProblem, sleep } from '../support/user.js';

let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '1000', PAYMENT_LEASE_MS: '5000' });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

const signalBoth = (service, signal) => [1, 2].forEach((n) => suite.signal(`${service}_${n}`, signal));

async function ready(seat_no) {
  const user = await new Patron(suite).arrive();
  await user.hold({ ...dates.unused[0], seat_no });
  await user.fund(user.held.price);
  return user;
}

// What the address says, once it is no longer PENDING.
async function untilEnded(user, address) {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end; await sleep(100)) {
    const payment = await user.read(address);
    if (payment.status !== 'PENDING') return payment;
  }
  throw new Error('it never ended');
}

it('a payment that still runs when its request is over answers 202 with its address, and ends by itself', async () => {
  const user = await ready(1);
  signalBoth('WALLET', 'SIGSTOP');
  let pending;
  try {
    pending = await user.pay(user.held, 'pay');
    const body = expect(pending, 202);
    assert.equal(body.status, 'PENDING');
    assert.equal(body.reservation_id, user.held.reservation_id);
    assert.equal(pending.headers.get('location'), `/v1/payments/${body.payment_id}`);
    assert.equal((await user.read(pending.headers.get('location'))).status, 'PENDING');
    expectProblem(await user.pay(user.held, 'pay'), 409, 'IDEMPOTENCY_IN_PROGRESS');
    expectProblem(await user.pay(user.held, 'other'), 409, 'PAYMENT_IN_PROGRESS');
    expectProblem(await user.cancel(user.held), 409, 'NOT_HELD');
  } finally {
    signalBoth('WALLET', 'SIGCONT');
  }
  const payment = await untilEnded(user, pending.headers.get('location'));
  assert.equal(payment.status, 'COMPLETED');
  const answer = await user.insist(() => user.pay(user.held, 'pay'));
  assert.equal(answer.headers.get('idempotent-replayed'), 'true');
  await user.agrees(answer);
  assert.equal((await user.look()).status, 'EXPIRED');
});

it('a queue that is away keeps no user waiting, and expires every token when it is back', async () => {
  const users = [];
  for (let seat_no = 2; seat_no <= 9; seat_no++) users.push(await ready(seat_no));
  const payment = stub('payment', suite.env.PAYMENT_1_GRPC);
  signalBoth('QUEUE', 'SIGSTOP');
  try {
    for (const user of users) {
      const { response, error } = await call(payment, 'Pay', {
        user_id: user.id, reservation_id: user.held.reservation_id, idempotency_key: 'pay',
        token_id: user.place.token_id, queue: 'main',
      });
      assert.equal(response?.payment.status, 'PAYMENT_STATUS_COMPLETED', error?.message);
    }
  } finally {
    signalBoth('QUEUE', 'SIGCONT');
    payment.close();
  }
  for (const user of users) {
    for (const end = Date.now() + LIMIT_MS; ; await sleep(100)) {
      const place = await user.read('/v1/queue/tokens/me');
      if (place.status === 'EXPIRED') break;
      assert.ok(Date.now() < end, `a used token is still ${place.status}`);
    }
    const { payments } = await user.read('/v1/payments');
    assert.equal(payments[0].status, 'COMPLETED');
  }
});

it('every invariant holds afterwards', () => suite.audit());
