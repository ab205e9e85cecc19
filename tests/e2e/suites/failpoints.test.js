// Every step of a payment, failing in every way, in one of two instances: before and after its effect, by a crash, by a
// lost answer, by standing still for longer than any lease. Afterwards everybody is paid once or not at all, seat and
// money agree, and nothing is stuck (I3 to I9).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Instance } from '../support/instance.js';
import { LIMIT_MS, Patron } from '../support/patron.js';
import { call, stub } from '../support/stubs.js';
import { Suite, freePorts, run } from '../support/suite.js';
import { Dates, expect, sleep } from '../support/user.js';

const HANG_MS = 2500;
const steps = {
  payment: ['start', 'claim_seat', 'debit_wallet', 'confirm_seat', 'expire_token', 'refund_wallet', 'release_seat'],
  wallet: ['charge', 'debit', 'refund'],
  reservation: ['reserve', 'cancel', 'begin_payment', 'confirm', 'release'],
};
const points = (service, mode) =>
  steps[service].flatMap((step) => [`${step}:before:${mode}`, `${step}:after:${mode}`]);

let suite, instances, stubs, lateIds;
const seats = [];
before(async () => {
  // A drive's lease is a fifth of the seat's, a step's time a tenth.
  suite = await Suite.start({
    QUEUE_CAPACITY: '5000', PAYMENT_LEASE_MS: '5000', PAYMENT_RECOVERY_INTERVAL_MS: '100',
  });
  const dates = await Dates.of(suite);
  for (const date of dates.unused)
    for (let seat_no = 1; seat_no <= 50; seat_no++) seats.push({ ...date, seat_no });
  instances = {};
  stubs = {};
  for (const service of Object.keys(steps))
    instances[service] = await Instance.of(suite, `${service.toUpperCase()}_1`);
  await plantLateUsers();
});
after(() => suite?.stop());

// Users whose holds lapse the moment their payment has claimed them: by a trigger beside the service, so that every
// such payment finds out when it confirms, with the money taken.
async function plantLateUsers() {
  lateIds = Array.from({ length: 400 }, () => randomUUID());
  const sql = `
    CREATE TABLE late_user (user_id uuid PRIMARY KEY);
    INSERT INTO late_user SELECT unnest('{${lateIds.join(',')}}'::uuid[]);
    CREATE FUNCTION lapse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
      IF EXISTS (SELECT FROM late_user WHERE user_id = NEW.user_id) THEN
        NEW.claim_until := clock_timestamp() + interval '1 ms';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER lapse BEFORE UPDATE ON reservation FOR EACH ROW
      WHEN (OLD.status = 'HELD' AND NEW.status = 'PAYING') EXECUTE FUNCTION lapse();`;
  const url = suite.env.POSTGRES_URL.replace(/\/[^/]*$/, '/reservation');
  const { code, stderr } = await run('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', url], { input: sql });
  assert.equal(code, 0, stderr);
}

// Pays, and repeats until it is known how it ended. Through the instance that is to fail, when that is asked for.
async function payAndSettle(user, direct) {
  const from = Date.now();
  if (direct)
    await call(stubs.payment, 'Pay', {
      user_id: user.id, reservation_id: user.held.reservation_id, idempotency_key: 'pay',
      token_id: user.claims.jti ?? user.place.token_id, queue: 'main',
    }, 5000);
  const answer = await user.insist(() => user.pay(user.held, 'pay'));
  assert.ok(Date.now() - from < LIMIT_MS);
  await user.agrees(answer);
  // However often it is asked again, it is the same answer.
  const again = await user.insist(() => user.pay(user.held, 'pay'));
  assert.equal(again.status, answer.status);
  if (answer.status === 201) {
    assert.deepEqual(again.body, answer.body);
  } else {
    assert.deepEqual({ ...again.body, trace_id: '' }, { ...answer.body, trace_id: '' });
  }
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  return answer;
}

// One who can pay, one who cannot, one whose hold lapses: together they go through every step.
async function threeFates(direct) {
  const rich = new Patron(suite);
  const poor = new Patron(suite);
  const late = new Patron(suite, lateIds.pop());
  await Promise.all(
    [rich, poor, late].map(async (user) => {
      await user.arrive();
      await user.hold(seats.shift());
      await user.fund(user === poor ? user.held.price - 1 : user.held.price + 7);
      const answer = await payAndSettle(user, direct);
      const said = JSON.stringify(answer.body);
      if (user === rich) assert.equal(answer.status, 201, said);
      if (user === poor) assert.equal(answer.body.code, 'INSUFFICIENT_BALANCE', said);
      if (user === late) assert.equal(answer.body.code, 'HOLD_EXPIRED', said);
    }),
  );
}

// An answer after the effect is a repeat. One before it may be, as what repeated it may have failed as well.
function expectReplayed(answer, replayed) {
  if (replayed) assert.equal(answer.headers.get('idempotent-replayed'), 'true');
}

// What reaches the failing instance by itself, and what its repeat over HTTP is told.
const pokes = {
  async charge(replayed) {
    const user = await new Patron(suite).arrive();
    await call(stubs.wallet, 'Charge', { user_id: user.id, amount_won: 500, idempotency_key: 'money' });
    const answer = await user.fund(500);
    expectReplayed(answer, replayed);
    assert.equal(answer.body.balance, 500);
    assert.equal((await user.read(`/v1/users/${user.id}/transactions`)).transactions.length, 1);
  },
  async reserve(replayed) {
    const user = await new Patron(suite).arrive();
    const seat = seats.shift();
    await call(stubs.reservation, 'Reserve', {
      user_id: user.id, ...seat, token_id: user.place.token_id, queue: 'main', idempotency_key: 'seat',
    });
    const answer = await user.hold(seat);
    expectReplayed(answer, replayed);
    assert.equal((await user.read('/v1/reservations')).reservations.length, 1);
  },
  async cancel() {
    const user = await new Patron(suite).arrive();
    await user.hold(seats.shift());
    const { reservation_id } = user.held;
    await call(stubs.reservation, 'Cancel', { user_id: user.id, reservation_id });
    expect(await user.insist(() => user.cancel(user.held)), 204);
    assert.equal((await user.read(`/v1/reservations/${reservation_id}`)).status, 'CANCELLED');
  },
};

// Sends users until the instance has gone through all of these points.
async function walk(service, wanted) {
  const instance = instances[service];
  await instance.replace({ FAIL_AT: wanted.join(','), FAIL_HANG_MS: String(HANG_MS) });
  // A new channel, as the old one may be waiting before it connects again.
  stubs[service]?.close();
  stubs[service] = stub(service, instance.grpc);
  for (const point of wanted) {
    const [step, moment, mode] = point.split(':');
    if (pokes[step]) await pokes[step](moment === 'after' || mode === 'hang');
  }
  const left = async () => {
    const fired = await instance.fired();
    return wanted.filter((point) => !fired.includes(point));
  };
  for (let i = 0; i < 12 && (await left()).length > 0; i++) await threeFates(service === 'payment');
  assert.deepEqual(await left(), [], `${instance.name} never got there`);
}

// All to their end, also when one fails: no walk may go on beside the next test.
async function settle(promises) {
  for (const { status, reason } of await Promise.allSettled(promises)) if (status === 'rejected') throw reason;
}

describe('a crash', () => {
  // The services' walks at the same time: what one does to the others is welcome.
  it('at every step, before and after its effect, in payment, wallet and reservation', () =>
    settle(
      Object.keys(steps).map(async (service) => {
        for (const point of points(service, 'crash')) await walk(service, [point]);
        await instances[service].replace();
      }),
    ));
});

for (const mode of ['error', 'hang'])
  it(`${mode === 'error' ? 'a lost answer' : 'a hang'} at every step of all three services`, async () => {
    await settle(Object.keys(steps).map((service) => walk(service, points(service, mode))));
    if (mode === 'hang') await sleep(HANG_MS); // whoever still stands comes back, to find the world changed
  });

it('a payment whose instances have all died ends when the first one is back', async () => {
  const user = await new Patron(suite).arrive();
  await user.hold(seats.shift());
  await user.fund(user.held.price);
  await instances.payment.replace({ FAIL_AT: 'debit_wallet:after:crash' });
  suite.signal('PAYMENT_2', 'SIGKILL');
  await suite.untilGone('PAYMENT_2');
  const client = stub('payment', instances.payment.grpc);
  await call(client, 'Pay', {
    user_id: user.id, reservation_id: user.held.reservation_id, idempotency_key: 'pay',
    token_id: user.place.token_id, queue: 'main',
  });
  client.close();
  await suite.untilGone('PAYMENT_1');
  await suite.up();
  // Nobody asks for it: it ends by itself.
  let payments = [];
  for (const end = Date.now() + LIMIT_MS; payments[0]?.status !== 'COMPLETED' && Date.now() < end; await sleep(100))
    ({ payments } = await user.read('/v1/payments'));
  const answer = await user.insist(() => user.pay(user.held, 'pay'));
  assert.equal(answer.headers.get('idempotent-replayed'), 'true');
  await user.agrees(answer);
});

it('the audit as a job shows every invariant as a metric', async () => {
  const listen = `127.0.0.1:${await freePorts(1)}`;
  const child = spawn(path.join(suite.env.BOXOFFICE_BIN_DIR, 'boxoffice-admin'), ['audit', '--serve'], {
    env: { ...suite.environment, ...suite.env, AUDIT_ADMIN_LISTEN: listen, AUDIT_INTERVAL_MS: '200' },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  try {
    const ask = (what) => fetch(`http://${listen}/${what}`).catch(() => undefined);
    for (const end = Date.now() + LIMIT_MS; (await ask('readyz'))?.status !== 200; await sleep(50))
      assert.ok(Date.now() < end && child.exitCode === null, 'it never had a complete look');
    const text = await (await ask('metrics')).text();
    for (let i = 1; i <= 13; i++)
      assert.match(text, new RegExp(`^boxoffice_invariant_violations\\{invariant="I${i}"\\} 0$`, 'm'));
    assert.match(text, /^boxoffice_audit_looks_total\{outcome="done"\} [1-9]/m);
  } finally {
    child.kill('SIGTERM');
  }
  assert.equal(await ended, 0);
});

it('nothing is stuck and every invariant holds', async () => {
  await Promise.all(Object.values(instances).map((instance) => instance.replace()));
  await suite.audit();
});
