// Instances that stop, die and come back under load.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Load } from '../support/load.js';
import { Suite } from '../support/suite.js';
import { Dates, User, count, enterMany, expect, expectProblem, sleep } from '../support/user.js';

let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '1000', PAYMENT_LEASE_MS: '3000' });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

const services = ['QUEUE', 'CONCERT', 'RESERVATION', 'WALLET', 'PAYMENT'];

describe('a rolling restart', () => {
  for (const name of [...services, 'GATEWAY'])
    it(`of ${name.toLowerCase()} under load fails no request`, async () => {
      const load = new Load(suite, [dates.next(), dates.next()], 16);
      await sleep(500);
      for (const n of [1, 2]) {
        const before = suite.pid(`${name}_${n}`);
        suite.signal(`${name}_${n}`, 'SIGTERM');
        await suite.untilGone(`${name}_${n}`);
        await suite.up();
        assert.notEqual(suite.pid(`${name}_${n}`), before);
        await sleep(500);
      }
      const failures = await load.stop();
      assert.ok(load.requests > 200, `only ${load.requests} requests were made`);
      assert.deepEqual(failures.slice(0, 10), [], `${failures.length} of ${load.requests} failed`);
    });
});

it('make up starts what died, alone', async () => {
  const before = { ...suite.env };
  suite.signal('WALLET_2', 'SIGKILL');
  await suite.untilGone('WALLET_2');
  await suite.up();
  for (const name of Object.keys(before).filter((each) => each.endsWith('_PID')))
    if (name === 'WALLET_2_PID') assert.notEqual(suite.env[name], before[name]);
    else assert.equal(suite.env[name], before[name], name);
  expect(await new User(suite).enter().then((user) => user.charge(1)), 201);
});

it('a payment service killed during payments: each is made whole or undone', async () => {
  const users = await enterMany(suite, 50);
  const date = dates.next();
  const bought = users.map(async (user, i) => {
    const held = expect(await user.reserve({ ...date, seat_no: i + 1 }), 201);
    expect(await user.charge(held.price), 201);
    await sleep(i * 10);
    const answer = await user.pay(held, 'pay');
    return { user, held, answer };
  });
  await sleep(600);
  suite.signal('PAYMENT_1', 'SIGKILL');
  const outcomes = await Promise.all(bought);
  await suite.untilGone('PAYMENT_1');
  await suite.up();
  // Whoever was left in the dark learns the end by looking.
  await Promise.all(
    outcomes.map(async ({ user, held, answer }) => {
      let payments = await user.payments();
      for (const end = Date.now() + 20000; payments[0]?.status === 'PENDING' && Date.now() < end; ) {
        await sleep(200);
        payments = await user.payments();
      }
      const said = JSON.stringify([answer.status, answer.body, payments]);
      assert.ok([201, 202, 409, 503, 504].includes(answer.status), said);
      const { status } = await user.reservation(held.reservation_id);
      if (answer.status === 201) assert.equal(payments[0].status, 'COMPLETED', said);
      if (payments[0]?.status === 'COMPLETED') assert.equal(status, 'CONFIRMED', said);
      else assert.equal(status, 'HELD', said);
    }),
  );
  const told = count(outcomes, ({ answer }) => answer.status);
  assert.ok(told[201] > 0, JSON.stringify(told));
  await suite.audit();
});

it('a payment that cannot go on blocks neither key nor seat for ever', async () => {
  const user = await new User(suite).enter();
  const held = expect(await user.reserve({ ...dates.next(), seat_no: 1 }), 201);
  await user.charge(held.price);
  for (const name of ['WALLET_1', 'WALLET_2']) suite.signal(name, 'SIGSTOP');
  try {
    const first = user.pay(held, 'first');
    let payments = [];
    for (let i = 0; i < 50 && payments.length === 0; i++) {
      await sleep(100);
      payments = await user.payments();
    }
    assert.equal(payments[0]?.status, 'PENDING');
    expectProblem(await user.pay(held, 'first'), 409, 'IDEMPOTENCY_IN_PROGRESS');
    expectProblem(await user.pay(held, 'second'), 409, 'PAYMENT_IN_PROGRESS');
    assert.equal((await user.reservation(held.reservation_id)).status, 'PAYING');
    for (const name of ['WALLET_1', 'WALLET_2']) suite.signal(name, 'SIGCONT');
    const answer = await first;
    assert.ok([201, 202].includes(answer.status), JSON.stringify(answer.body));
  } finally {
    for (const name of ['WALLET_1', 'WALLET_2']) suite.signal(name, 'SIGCONT');
  }
  for (let i = 0; i < 100 && (await user.payments())[0].status === 'PENDING'; i++) await sleep(200);
  assert.equal((await user.payments())[0].status, 'COMPLETED');
  assert.equal((await user.reservation(held.reservation_id)).status, 'CONFIRMED');
});

it('a stopped instance does not stop the service', async () => {
  const user = await new User(suite).enter();
  suite.signal('WALLET_1', 'SIGSTOP');
  try {
    const told = await Promise.all(Array.from({ length: 10 }, (_, i) => user.charge(1000, `k${i}`)));
    assert.ok(told.some((answer) => answer.status === 201), 'the other instance serves');
    for (const answer of told.filter((each) => each.status !== 201))
      assert.ok([503, 504].includes(answer.status), JSON.stringify(answer.body));
  } finally {
    suite.signal('WALLET_1', 'SIGCONT');
  }
  for (let i = 0; i < 10; i++) expect(await user.charge(1000, `k${i}`), 201);
  assert.equal(await user.balance(), 10000, 'what was not answered happened once or not at all');
});

it('a service that is away: 503 UNAVAILABLE with Retry-After, and back again', async () => {
  const user = await new User(suite).enter();
  for (const name of ['WALLET_1', 'WALLET_2']) {
    suite.signal(name, 'SIGKILL');
    await suite.untilGone(name);
  }
  const answer = await user.ask('GET', `/v1/users/${user.id}/balance`);
  expectProblem(answer, 503, 'UNAVAILABLE');
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
  expect(await user.ask('GET', '/healthz'), 200);
  assert.equal((await user.concerts()).length >= 3, true, 'the rest goes on');
  await suite.up();
  let balance;
  for (let i = 0; i < 50 && balance?.status !== 200; i++) {
    await sleep(100);
    balance = await user.ask('GET', `/v1/users/${user.id}/balance`);
  }
  expect(balance, 200);
});

it('every invariant holds afterwards', () => suite.audit());
