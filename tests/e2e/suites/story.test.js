// What a user does, from the line to the ticket; and every way the suite says no.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Suite, run, sourceDir } from '../support/suite.js';
import { Dates, User, ask, expect, expectProblem, sleep, timePattern, uuidPattern } from '../support/user.js';

let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '1000' });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

const seatOf = (date, seat_no = 1) => ({ ...date, seat_no });

describe('the story', () => {
  it('goes from the line to an owned seat', async () => {
    const user = new User(suite);
    expect(await user.join(), 201);
    assert.equal(user.place.user_id, user.id);
    assert.equal(user.place.queue, 'main');
    assert.match(user.place.token_id, uuidPattern);
    assert.match(user.place.issued_at, timePattern);
    await user.untilActive();
    assert.equal(user.place.position, 0);
    assert.match(user.place.expires_at, timePattern);

    const concerts = await user.concerts();
    assert.ok(concerts.length >= 3);
    const { concert_id, date } = dates.next();
    assert.equal((await user.dates(concerts[0].concert_id)).length, 30);
    const [day] = (await user.seats(concert_id, date)).dates;
    assert.equal(day.seats_total, 50);
    assert.equal(day.seats_available, 50);
    assert.deepEqual(day.seats.map((seat) => seat.seat_no), Array.from({ length: 50 }, (_, i) => i + 1));
    const { seat_no, price } = day.seats[6];

    const held = expect(await user.reserve({ concert_id, date, seat_no }), 201);
    assert.equal(held.status, 'HELD');
    assert.equal(held.price, price);
    assert.match(held.held_until, timePattern);
    const seen = (await user.seats(concert_id, date)).dates[0];
    assert.ok(!seen.seats.some((seat) => seat.seat_no === seat_no), 'a held seat is not offered');

    const charge = expect(await user.charge(price + 500), 201);
    assert.equal(charge.balance, price + 500);
    assert.equal(charge.currency, 'KRW');
    assert.equal(await user.balance(), price + 500);

    const answer = await user.pay(held, 'pay-1');
    const payment = expect(answer, 201);
    assert.equal(payment.status, 'COMPLETED');
    assert.equal(payment.amount, price);
    assert.equal(payment.balance_after, 500);
    assert.equal(payment.seat_no, seat_no);
    assert.match(payment.paid_at, timePattern);
    assert.ok(answer.headers.get('location')?.endsWith(payment.payment_id));

    assert.equal((await user.reservation(held.reservation_id)).status, 'CONFIRMED');
    assert.equal((await user.look()).status, 'EXPIRED');
    expectProblem(await user.ask('GET', '/v1/concerts'), 401, 'TOKEN_EXPIRED');
    assert.deepEqual((await user.payments()).map((p) => p.payment_id), [payment.payment_id]);
    assert.deepEqual((await user.transactions()).map((entry) => entry.amount), [-price, price + 500]);
    const again = await user.pay(held, 'pay-1');
    assert.equal(again.status, 201, 'a used token still has the first answer of its key');
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    expectProblem(await user.pay(held, 'pay-2'), 401, 'TOKEN_EXPIRED');
  });

  it('runs as printed by make up', async () => {
    const story = suite.greeting.slice(suite.greeting.indexOf('GATEWAY='));
    const { code, stdout, stderr } = await run('bash', ['-eu', '-c', `TOKEN=\n${story}`]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /"status": "ACTIVE"/);
    assert.match(stdout, /"status": "COMPLETED"/);
    assert.match(stdout, /"status": "CONFIRMED"/);
    assert.match(stdout.trimEnd(), /EXPIRED$/);
  });

  it('is the one the README tells', () => {
    const readme = path.join(sourceDir, 'README.md');
    assert.ok(existsSync(readme), 'there is no README.md');
    const told = readFileSync(readme, 'utf8').match(/<!-- story:begin -->([\s\S]*?)<!-- story:end -->/);
    assert.ok(told, 'README.md has no <!-- story:begin --> ... <!-- story:end -->');
    const commands = told[1].match(/```(?:sh|bash|console|shell)?\n([\s\S]*?)```/)[1];
    const lines = (text) => text.split('\n').map((line) => line.trim()).filter((line) => line && !line.startsWith('#'));
    const printed = suite.greeting.slice(suite.greeting.indexOf('GATEWAY='));
    const sameGateway = (line) => line.replace(/^GATEWAY=.*/, 'GATEWAY=');
    assert.deepEqual(lines(commands).map(sameGateway), lines(printed).map(sameGateway));
  });

  it('gives one place to one user, from any device', async () => {
    const user = new User(suite);
    const first = expect(await user.join(), 201);
    const second = expect(await user.join(), 200);
    assert.equal(second.token_id, first.token_id);
  });

  it('gives a cancelled seat to the next', async () => {
    const [one, other] = [await new User(suite).enter(), await new User(suite).enter()];
    const seat = seatOf(dates.next());
    const held = expect(await one.reserve(seat), 201);
    expect(await one.cancel(held), 204);
    expect(await other.reserve(seat), 201);
    assert.equal((await one.reservation(held.reservation_id)).status, 'CANCELLED');
    expectProblem(await one.reserve(seat), 409, 'SEAT_HELD');
  });

  it('says so when no seat is free, and stops listing the date', async () => {
    const date = dates.next();
    const users = await Promise.all(Array.from({ length: 50 }, () => new User(suite).enter()));
    await Promise.all(users.map(async (user, i) => expect(await user.reserve(seatOf(date, i + 1)), 201)));
    const seats = await users[0].seats(date.concert_id, date.date);
    assert.equal(seats.dates[0].seats_available, 0);
    assert.ok(seats.message.length > 0);
    const listed = await users[0].dates(date.concert_id);
    assert.ok(!listed.some((each) => each.date === date.date));
    const all = (await users[0].seats(date.concert_id, date.date, '?view=all')).dates[0];
    assert.equal(all.seats.length, 50);
    assert.ok(all.seats.every((seat) => seat.status === 'HELD'));
  });

  it('tells the time and its health to anybody', async () => {
    const time = expect(await ask(suite.nextGateway(), 'GET', '/v1/time'), 200);
    assert.ok(Object.values(time).some((value) => timePattern.test(value)), JSON.stringify(time));
    expect(await ask(suite.nextGateway(), 'GET', '/healthz'), 200);
  });

  it('speaks Korean when asked to', async () => {
    const headers = { 'accept-language': 'ko' };
    const answer = await ask(suite.nextGateway(), 'GET', '/v1/concerts', { headers });
    assert.match(expectProblem(answer, 401, 'TOKEN_REQUIRED').title + answer.body.detail, /[가-힣]/);
  });
});

describe('a token', () => {
  const routes = (user, date) => [
    ['GET', '/v1/queue/tokens/me'],
    ['DELETE', '/v1/queue/tokens/me'],
    ['GET', '/v1/concerts'],
    ['GET', `/v1/concerts/${date.concert_id}/dates`],
    ['GET', `/v1/concerts/${date.concert_id}/dates/${date.date}/seats`],
    ['POST', '/v1/reservations', { body: seatOf(date) }],
    ['GET', '/v1/reservations'],
    ['GET', `/v1/reservations/${randomUUID()}`],
    ['DELETE', `/v1/reservations/${randomUUID()}`],
    ['GET', `/v1/users/${user.id}/balance`],
    ['POST', `/v1/users/${user.id}/charges`, { body: { amount: 1000 }, key: 'k' }],
    ['GET', `/v1/users/${user.id}/transactions`],
    ['POST', '/v1/payments', { body: { reservation_id: randomUUID() }, key: 'k' }],
    ['GET', '/v1/payments'],
    ['GET', `/v1/payments/${randomUUID()}`],
  ];
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (header, claims, secret) => {
    const text = `${encode(header)}.${encode(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };

  it('is required by every route of a user', async () => {
    const user = await new User(suite).enter();
    for (const [method, route, options] of routes(user, dates.unused[0]))
      expectProblem(await user.ask(method, route, { ...options, token: undefined }), 401, 'TOKEN_REQUIRED');
  });

  it('is refused by every route when it is forged', async () => {
    const user = await new User(suite).enter();
    const [header, claims, signature] = user.token.split('.');
    const forged = [
      'x',
      `${header}.${claims}.`,
      `${header}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      `${header}.${encode({ ...user.claims, sub: randomUUID() })}.${signature}`,
      `${encode({ alg: 'none', typ: 'JWT' })}.${claims}.`,
      signed({ alg: 'HS256', typ: 'JWT' }, user.claims, 'another secret of quite some length, 48 bytes ...'),
    ];
    for (const [method, route, options] of routes(user, dates.unused[0]))
      for (const token of forged)
        expectProblem(await user.ask(method, route, { ...options, token }), 401, 'TOKEN_INVALID');
    assert.equal((await user.look()).status, 'ACTIVE', 'forgeries of it did it no harm');
  });

  it('cannot be used for another account', async () => {
    const [user, other] = [await new User(suite).enter(), await new User(suite).enter()];
    for (const [method, route, options] of [
      ['GET', `/v1/users/${other.id}/balance`],
      ['POST', `/v1/users/${other.id}/charges`, { body: { amount: 1000 }, key: 'k' }],
      ['GET', `/v1/users/${other.id}/transactions`],
    ])
      expectProblem(await user.ask(method, route, options), 403, 'NOT_YOUR_ACCOUNT');
    assert.equal(await other.balance(), 0);
  });

  it('ends when its user leaves', async () => {
    const user = await new User(suite).enter();
    expect(await user.leave(), 204);
    expect(await user.leave(), 204);
    assert.equal((await user.look()).status, 'EXPIRED');
    expectProblem(await user.ask('GET', '/v1/concerts'), 401, 'TOKEN_EXPIRED');
    expect(await user.ask('GET', '/v1/reservations'), 200);
    const before = user.place.token_id;
    expect(await user.join(), 201);
    assert.notEqual(user.place.token_id, before);
  });
});

describe('a refusal', () => {
  let user, date;
  before(async () => {
    user = await new User(suite).enter();
    date = dates.next();
  });

  it('INVALID_REQUEST names what is wrong', async () => {
    const bad = [
      ['not json', '{"user_id":'],
      ['not an object', '[]'],
      ['no member', {}],
      ['unknown member', { user_id: user.id, x: 1 }],
      ['doubled member', `{"user_id":"${user.id}","user_id":"${user.id}"}`],
      ['no uuid', { user_id: 'me' }],
      ['wrong type', { user_id: 7 }],
      ['bad queue', { user_id: user.id, queue: 'No Such Name' }],
    ];
    for (const [, body] of bad)
      expectProblem(await user.ask('POST', '/v1/queue/tokens', { token: undefined, body }), 400, 'INVALID_REQUEST');
    const { concert_id } = date;
    const seats = [
      { concert_id, date: date.date, seat_no: 0 },
      { concert_id, date: date.date, seat_no: 51 },
      { concert_id, date: date.date, seat_no: 1.5 },
      { concert_id, date: date.date, seat_no: '1' },
      { concert_id, date: '2026-02-30', seat_no: 1 },
      { concert_id: 'x', date: date.date, seat_no: 1 },
    ];
    for (const body of seats) {
      const problem = expectProblem(await user.ask('POST', '/v1/reservations', { body }), 400, 'INVALID_REQUEST');
      assert.ok(problem.errors?.[0]?.pointer, JSON.stringify(problem));
    }
    expectProblem(await user.ask('GET', '/v1/reservations/x'), 400, 'INVALID_REQUEST');
    expectProblem(await user.ask('GET', `/v1/concerts/${concert_id}/dates?from=soon`), 400, 'INVALID_REQUEST');
    for (const amount of ['1', 1.5, null])
      expectProblem(await user.charge(amount), 400, 'INVALID_REQUEST');
  });

  it('reports all that is wrong with a body at once', async () => {
    const body = { concert_id: 'x', date: 'y', seat_no: 'z', more: 1 };
    const problem = expectProblem(await user.ask('POST', '/v1/reservations', { body }), 400, 'INVALID_REQUEST');
    assert.deepEqual(problem.errors.map((e) => e.pointer).sort(), ['/concert_id', '/date', '/more', '/seat_no']);
  });

  it('IDEMPOTENCY_KEY_REQUIRED', async () => {
    const body = { amount: 1000 };
    for (const key of [undefined, 'k'.repeat(129), 'a b'])
      expectProblem(
        await user.ask('POST', `/v1/users/${user.id}/charges`, { body, key }), 400, 'IDEMPOTENCY_KEY_REQUIRED');
    const answer = await user.ask('POST', '/v1/payments', { body: { reservation_id: randomUUID() } });
    expectProblem(answer, 400, 'IDEMPOTENCY_KEY_REQUIRED');
  });

  it('CONCERT_NOT_FOUND, DATE_NOT_FOUND, RESERVATION_NOT_FOUND, PAYMENT_NOT_FOUND', async () => {
    const { concert_id } = date;
    const nobody = randomUUID();
    expectProblem(await user.ask('GET', `/v1/concerts/${nobody}/dates`), 404, 'CONCERT_NOT_FOUND');
    expectProblem(await user.reserve({ ...seatOf(date), concert_id: nobody }), 404, 'CONCERT_NOT_FOUND');
    expectProblem(await user.ask('GET', `/v1/concerts/${concert_id}/dates/2099-01-01/seats`), 404, 'DATE_NOT_FOUND');
    expectProblem(await user.reserve({ concert_id, date: '2099-01-01', seat_no: 1 }), 404, 'DATE_NOT_FOUND');
    expectProblem(await user.ask('GET', `/v1/reservations/${nobody}`), 404, 'RESERVATION_NOT_FOUND');
    expectProblem(await user.cancel({ reservation_id: nobody }), 404, 'RESERVATION_NOT_FOUND');
    expectProblem(await user.pay({ reservation_id: nobody }), 404, 'RESERVATION_NOT_FOUND');
    expectProblem(await user.ask('GET', `/v1/payments/${nobody}`), 404, 'PAYMENT_NOT_FOUND');
  });

  it('hides what belongs to others', async () => {
    const owner = await new User(suite).enter();
    const held = expect(await owner.reserve(seatOf(dates.next())), 201);
    await owner.charge(1000000);
    const thief = await new User(suite).enter();
    await thief.charge(1000000);
    const address = `/v1/reservations/${held.reservation_id}`;
    expectProblem(await thief.ask('GET', address), 404, 'RESERVATION_NOT_FOUND');
    expectProblem(await thief.cancel(held), 404, 'RESERVATION_NOT_FOUND');
    expectProblem(await thief.pay(held), 404, 'RESERVATION_NOT_FOUND');
    const paid = expect(await owner.pay(held), 201);
    expectProblem(await thief.ask('GET', `/v1/payments/${paid.payment_id}`), 404, 'PAYMENT_NOT_FOUND');
    assert.equal(await thief.balance(), 1000000);
  });

  it('SEAT_HELD, ONE_SEAT_PER_DATE, SEAT_SOLD, ALREADY_PAID', async () => {
    const owner = await new User(suite).enter();
    const seat = seatOf(dates.next());
    const held = expect(await owner.reserve(seat), 201);
    expectProblem(await user.reserve(seat), 409, 'SEAT_HELD');
    expectProblem(await owner.reserve({ ...seat, seat_no: 2 }), 409, 'ONE_SEAT_PER_DATE');
    await owner.charge(1000000);
    expect(await owner.pay(held), 201);
    expectProblem(await user.reserve(seat), 409, 'SEAT_SOLD');
    await owner.enter();
    expectProblem(await owner.pay(held), 409, 'ALREADY_PAID');
    expectProblem(await owner.reserve({ ...seat, seat_no: 2 }), 409, 'ONE_SEAT_PER_DATE');
    const sold = await owner.cancel(held);
    assert.equal(sold.status, 409, 'a paid seat cannot be given back');
  });

  it('INSUFFICIENT_BALANCE leaves the seat held and the money untouched', async () => {
    const poor = await new User(suite).enter();
    const held = expect(await poor.reserve(seatOf(dates.next())), 201);
    expect(await poor.charge(held.price - 1), 201);
    expectProblem(await poor.pay(held, 'first'), 402, 'INSUFFICIENT_BALANCE');
    assert.equal((await poor.reservation(held.reservation_id)).status, 'HELD');
    assert.equal(await poor.balance(), held.price - 1);
    expect(await poor.charge(1), 201);
    expectProblem(await poor.pay(held, 'first'), 402, 'INSUFFICIENT_BALANCE');
    assert.equal(expect(await poor.pay(held, 'second'), 201).balance_after, 0);
  });

  it('CHARGE_LIMIT and BALANCE_LIMIT, both sides of each', async () => {
    const rich = await new User(suite).enter();
    for (const amount of [0, -1]) expectProblem(await rich.charge(amount), 400, 'INVALID_REQUEST');
    expectProblem(await rich.charge(10000001), 422, 'CHARGE_LIMIT');
    expect(await rich.charge(1), 201);
    for (let i = 0; i < 9; i++) expect(await rich.charge(10000000), 201);
    expectProblem(await rich.charge(10000000), 422, 'BALANCE_LIMIT');
    assert.equal(expect(await rich.charge(9999999), 201).balance, 100000000);
    expectProblem(await rich.charge(1), 422, 'BALANCE_LIMIT');
  });

  it('IDEMPOTENCY_KEY_REUSED, and a repeat gets the first answer again', async () => {
    const payer = await new User(suite).enter();
    const first = await payer.charge(1000, 'once');
    const again = await payer.charge(1000, 'once');
    assert.deepEqual(expect(again, 201), expect(first, 201));
    assert.equal(first.headers.get('idempotent-replayed'), null);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    expectProblem(await payer.charge(1001, 'once'), 422, 'IDEMPOTENCY_KEY_REUSED');
    assert.equal(await payer.balance(), 1000);
    const seat = seatOf(dates.next());
    const held = expect(await payer.reserve(seat, { key: 'seat' }), 201);
    const replay = await payer.reserve(seat, { key: 'seat' });
    assert.equal(expect(replay, 201).reservation_id, held.reservation_id);
    assert.equal(replay.headers.get('idempotent-replayed'), 'true');
    expectProblem(await payer.reserve({ ...seat, seat_no: 9 }, { key: 'seat' }), 422, 'IDEMPOTENCY_KEY_REUSED');
  });

  it('BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, wrong method, wrong address', async () => {
    const gateway = suite.nextGateway();
    const large = JSON.stringify({ user_id: user.id, queue: 'x'.repeat(20000) });
    expectProblem(await ask(gateway, 'POST', '/v1/queue/tokens', { body: large }), 413, 'BODY_TOO_LARGE');
    const headers = { 'content-type': 'text/plain' };
    const text = await ask(gateway, 'POST', '/v1/queue/tokens', { body: '{}', headers });
    expectProblem(text, 415, 'UNSUPPORTED_MEDIA_TYPE');
    const method = await ask(gateway, 'PUT', '/v1/concerts');
    expectProblem(method, 405, 'METHOD_NOT_ALLOWED');
    assert.match(method.headers.get('allow') ?? '', /GET/);
    expectProblem(await ask(gateway, 'GET', '/v1/nothing'), 404, 'ROUTE_NOT_FOUND');
  });
});

it('no log holds a token or a password', async () => {
  const folder = path.join(suite.environment.STATE_DIR, 'logs');
  const password = new URL(suite.env.POSTGRES_URL).password;
  const names = await readdir(folder);
  let lines = 0;
  for (const name of names) {
    const text = await readFile(path.join(folder, name), 'utf8');
    lines += text.split('\n').length;
    assert.doesNotMatch(text, /eyJ[\w-]{8,}\.[\w-]+/, `a token in ${name}`);
    assert.doesNotMatch(text, /Bearer \S/, name);
    assert.ok(!text.includes(password), `a password in ${name}`);
  }
  assert.ok(names.length >= 13 && lines > 100, `${names.length} logs of ${lines} lines`);
});

it('every invariant holds afterwards', async () => {
  await sleep(100);
  console.log(await suite.audit());
});
