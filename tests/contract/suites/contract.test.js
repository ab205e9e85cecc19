// Every operation of web/openapi.json over a running suite: each answer, refusals too, must be as the document says.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EventStream } from '../../e2e/support/events.js';
import { Suite, sourceDir } from '../../e2e/support/suite.js';
import { Dates, User, ask, expect, expectProblem, sleep } from '../../e2e/support/user.js';
import { Document } from '../support/document.js';
import { bodyBytesMax, fill, ofBody, ofKey, ofParameters } from '../support/negatives.js';

// Room for the users of these tests; whoever comes when it is full waits.
const capacity = 12;
const document = await Document.load(path.join(sourceDir, 'web/openapi.json'));
const isStream = (o) => o.responses['200']?.content?.['text/event-stream'] !== undefined;
const needs = (o, scheme) => o.security?.some((one) => scheme in one) ?? false;
const guarded = document.operations.filter((o) => needs(o, 'queueToken'));
const operators = document.operations.filter((o) => needs(o, 'operatorSecret'));
const secret = 'the secret of this test';
const needsTurn = (o) => document.resolve(o.responses['401']).content['application/problem+json'].examples.TOKEN_EXPIRED;

let suite;
let dates;
let me; // whose turn it is
let stranger; // as well, with a reservation and a payment
let waiting;
let gone;
let values; // of every path parameter, mine
let bodies; // a right body of every operation that takes one

// As ask(), and the document looks at the answer.
// An operator's requests are limited by address, whatever their secret: told so, this one waits and asks again.
async function say(method, where, options = {}) {
  for (;;) {
    const answer = await ask(suite.nextGateway(), method, where, options);
    document.check(method, where, answer);
    if (answer.status !== 429 || !where.startsWith('/ops/')) return answer;
    await sleep(1000 * Number(answer.headers.get('retry-after')));
  }
}
class CheckedUser extends User {
  ask(method, where, options = {}) {
    return say(method, where, { token: this.token, ...options });
  }
}

async function buy(user, seat) {
  const reservation = expect(await user.reserve(seat), 201);
  expect(await user.charge(reservation.price), 201);
  return expect(await user.pay(reservation), 201);
}

before(async () => {
  suite = await Suite.start({ QUEUE_POLICY: 'counter', QUEUE_CAPACITY: String(capacity), GATEWAY_ADMIN_SECRET: secret });
  dates = await Dates.of(suite);
  gone = await new CheckedUser(suite).enter();
  await gone.leave();
  stranger = await new CheckedUser(suite).enter();
  const payment = await buy(stranger, { ...dates.next(), seat_no: 1 });
  me = await new CheckedUser(suite).enter();
  const seat = { ...dates.next(), seat_no: 7 };
  const { reservation_id } = expect(await me.reserve(seat), 201);
  values = { user_id: me.id, ...seat, reservation_id, payment_id: payment.payment_id, queue: 'main', name: 'app.js' };
  bodies = {
    joinLine: { user_id: me.id, queue: 'main' },
    reserve: { ...dates.next(), seat_no: 3 },
    charge: { amount: 1000 },
    pay: { reservation_id },
    setPolicy: { kind: 'counter', capacity, admit_batch: 50, admit_interval_ms: 1000, active_ttl_ms: 600000, absent_ms: 60000 },
  };
  await Promise.all(Array.from({ length: capacity }, () => new CheckedUser(suite).join()));
  waiting = new CheckedUser(suite);
  await waiting.join();
  await waiting.look();
  assert.equal(waiting.place.status, 'WAITING');
});
after(async () => {
  await suite?.audit();
  await suite?.stop();
});

function request(operation, options = {}) {
  const { path: where = fill(operation.path, values), ...rest } = options;
  const body = bodies[operation.operationId];
  const token = operators.includes(operation) ? secret : me.token;
  return say(operation.method, where, { token, key: randomUUID(), body, ...rest });
}

describe('the whole story', () => {
  test('from the line to the ticket', async () => {
    const user = new CheckedUser(suite);
    user.token = me.token;
    user.id = me.id;
    const [concert] = await user.concerts();
    await user.dates(concert.concert_id);
    await user.seats(values.concert_id, values.date);
    await user.seats(values.concert_id, values.date, '?view=all');
    await user.ask('GET', '/v1/reservations?page_size=1');
    await user.reservation(values.reservation_id);
    await user.balance();
    expect(await user.charge(5000, 'twice'), 201);
    const again = await user.charge(5000, 'twice');
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    await user.transactions();
    await user.payments();
    expect(await stranger.ask('GET', `/v1/payments/${values.payment_id}`), 200);
    expect(await user.join(), 200);
    const other = await user.reserve({ ...dates.next(), seat_no: 9 });
    expect(await user.cancel(other.body), 204);
    for (const where of ['/v1/time', '/healthz']) expect(await say('GET', where), 200);
  });

  for (const operation of document.operations.filter(isStream))
    test(`${operation.path}: the head, and the first event at once`, async () => {
      const stream = await EventStream.open(suite.nextGateway(), fill(operation.path, values), { token: me.token });
      const { statusCode, headers } = stream.response;
      document.check('GET', fill(operation.path, values), { status: statusCode, headers: new Headers(headers) });
      await stream.until(() => stream.events.length > 0);
      document.checkEvent(operation, stream.events[0]);
      stream.request.destroy();
    });

  test('what the rules refuse', async () => {
    const mine = { concert_id: values.concert_id, date: values.date, seat_no: 7 };
    expectProblem(await me.reserve({ ...mine, seat_no: 8 }), 409, 'ONE_SEAT_PER_DATE');
    expectProblem(await stranger.reserve(mine), 401, 'TOKEN_EXPIRED');
    expectProblem(await me.reserve({ ...mine, date: '2001-01-01' }), 404, 'DATE_NOT_FOUND');
    expectProblem(await me.ask('GET', `/v1/concerts/${mine.concert_id}/dates/2001-01-01/seats`), 404, 'DATE_NOT_FOUND');
    expectProblem(await me.pay({ reservation_id: values.reservation_id }), 402, 'INSUFFICIENT_BALANCE');
    expectProblem(await me.charge(10_000_001), 422, 'CHARGE_LIMIT');
    expectProblem(await me.charge(5001, 'twice'), 422, 'IDEMPOTENCY_KEY_REUSED');
    const inKorean = await me.ask('GET', '/v1/reservations?page_size=0', { headers: { 'accept-language': 'ko' } });
    assert.match(expectProblem(inKorean, 400, 'INVALID_REQUEST').title, /요청/);
  });

  test('addresses and methods that are none', async () => {
    expectProblem(await say('GET', '/v1/nothing'), 404, 'ROUTE_NOT_FOUND');
    expectProblem(await say('PUT', '/v1/concerts'), 405, 'METHOD_NOT_ALLOWED');
  });
});

describe('who may ask', () => {
  for (const operation of guarded) {
    const name = `${operation.method} ${operation.path}`;
    test(`${name} without a token`, async () => {
      expectProblem(await request(operation, { token: undefined }), 401, 'TOKEN_REQUIRED');
    });
    test(`${name} with a forged token`, async () => {
      const forged = me.token.slice(0, -6) + (me.token.at(-6) === 'A' ? 'B' : 'A') + me.token.slice(-5);
      expectProblem(await request(operation, { token: forged }), 401, 'TOKEN_INVALID');
    });
    if (needsTurn(operation)) {
      test(`${name} by one who waits`, async () => {
        const problem = expectProblem(await request(operation, { token: waiting.token }), 403, 'NOT_YOUR_TURN');
        assert.ok(problem.position >= 1);
      });
      test(`${name} by one who left`, async () => {
        const answer = await request(operation, { token: gone.token });
        // A payment may still be asked for by its key: then it is the reservation that is not theirs.
        expectProblem(answer, 401, 'TOKEN_EXPIRED');
      });
    }
  }
  for (const id of ['getBalance', 'charge', 'listTransactions'])
    test(`${id} of somebody else's account`, async () => {
      const operation = document.operation(id);
      const where = fill(operation.path, { ...values, user_id: stranger.id });
      expectProblem(await request(operation, { path: where }), 403, 'NOT_YOUR_ACCOUNT');
    });
  test("somebody else's reservation and payment are not there", async () => {
    const other = (await stranger.reservations())[0];
    for (const id of ['getReservation', 'cancelReservation']) {
      const operation = document.operation(id);
      const where = fill(operation.path, { reservation_id: other.reservation_id });
      expectProblem(await request(operation, { path: where }), 404, 'RESERVATION_NOT_FOUND');
    }
    expectProblem(await me.pay(other), 404, 'RESERVATION_NOT_FOUND');
    expectProblem(await request(document.operation('getPayment')), 404, 'PAYMENT_NOT_FOUND');
  });
});

describe('the operator', () => {
  for (const operation of operators)
    test(`${operation.method} ${operation.path}`, async () => {
      expectProblem(await request(operation, { token: undefined }), 401, 'OPERATOR_ONLY');
      expectProblem(await request(operation, { token: `${secret}!` }), 401, 'OPERATOR_ONLY');
      expectProblem(await request(operation, { token: me.token }), 401, 'OPERATOR_ONLY');
      expect(await request(operation), 200);
    });
  test('sees what users did', async () => {
    const { queues, seats, payments, away } = expect(await request(document.operation('getOverview')), 200);
    assert.deepEqual(away, []);
    const main = queues.find(({ queue }) => queue === 'main');
    assert.ok(main.waiting >= 1 && main.active >= 1 && main.policy.paused === false);
    assert.ok(seats.some(({ sold }) => sold > 0) && seats.some(({ held }) => held > 0));
    assert.ok(payments.some(({ state, payments: count }) => state === 'COMPLETED' && count > 0));
  });
});

describe('the page', () => {
  const files = document.operations.filter((o) => o.tags.includes('page'));
  for (const operation of files)
    test(`${operation.path}, and that it is known already`, async () => {
      const answer = await request(operation, { token: undefined });
      expect(answer, 200);
      assert.match(answer.headers.get('content-security-policy'), /^default-src 'none'; script-src 'self';/);
      const etag = answer.headers.get('etag');
      expect(await request(operation, { token: undefined, headers: { 'if-none-match': etag } }), 304);
    });
  test('the document is this one', async () => {
    assert.deepEqual(expect(await say('GET', '/openapi.json'), 200), document.root);
  });
  test('a file that is none', async () => {
    for (const name of ['nothing.js', '..%2Findex.html', 'app.js%00', '.hidden'])
      assert.ok([400, 404].includes((await say('GET', `/assets/${name}`)).status), name);
  });
});

test('dates and seats that are known already', async () => {
  for (const id of ['listDates', 'listSeats']) {
    const operation = document.operation(id);
    const etag = (await request(operation)).headers.get('etag');
    expect(await request(operation, { headers: { 'if-none-match': etag } }), 304);
    const other = await me.reserve({ ...dates.next(), seat_no: 11 });
    expect(other, 201);
    const changed = await request(document.operation('listDates'), { headers: { 'if-none-match': etag } });
    expect(changed, 200);
    expect(await me.cancel(other.body), 204);
  }
});

test('limits are told', async () => {
  const quiet = await Promise.all(['/v1/time', '/healthz'].map((where) => say('GET', where)));
  assert.ok(quiet.every(({ headers }) => headers.get('ratelimit') === null));
  const { headers } = await me.ask('GET', '/v1/payments');
  assert.match(headers.get('ratelimit-policy'), /^"user";q=\d+;w=2$/);
  assert.match(headers.get('ratelimit'), /^"user";r=\d+;t=\d$/);
});

describe('wrong requests', () => {
  for (const operation of document.operations) {
    const name = `${operation.method} ${operation.path}`;
    test(name, async () => {
      const wrong = [
        ...ofBody(document, operation, bodies[operation.operationId]),
        ...ofParameters(operation, values),
        ...ofKey(operation),
      ];
      for (const { name: what, due, pointer, ...options } of wrong) {
        const answer = await request(operation, options);
        const problem = expectProblem(answer, ...due);
        const pointers = (problem.errors ?? []).map((error) => error.pointer);
        assert.ok(pointer === undefined || pointers.includes(pointer), `${what}: ${JSON.stringify(problem)}`);
      }
    });
  }
  test('a body of just the most bytes is read', async () => {
    const body = JSON.stringify({ amount: 1 }).padEnd(bodyBytesMax);
    expect(await request(document.operation('charge'), { body }), 201);
  });
});

test('every operation was driven, and every success that it promises was seen', () => {
  // Only when a payment outlasts its caller, and for a reader who comes back after the end.
  const rare = new Set(['pay 202', 'watchPlace 204']);
  const due = document.operations.flatMap((o) => Object.keys(o.responses).filter((s) => s < '300').map((s) => `${o.operationId} ${s}`));
  assert.deepEqual(due.filter((what) => !document.seen.has(what) && !rare.has(what)), []);
});
