// What the page asks, when it asks again, and how it stays up to date.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { asked, events, json, page, serve, storage, withoutWaiting } from './browser.mjs';
import { Api, Refusal, parseEvent } from '../../../web/public/assets/api.js';
import { follow } from '../../../web/public/assets/follow.js';
import { Session } from '../../../web/public/assets/session.js';

let clock;
beforeEach(() => {
  storage.clear();
  page.hidden = false;
  clock = withoutWaiting();
});
afterEach(() => clock.restore());

const problem = (status, code, headers) => json({ code, title: code }, status, headers);
const place = (more) => ({ token: 't', token_id: 'a', user_id: 'u', queue: 'main', status: 'WAITING', position: 3, ahead: 2, estimated_wait_seconds: 1, next_poll_ms: 1000, issued_at: '2026-11-25T00:00:00Z', ...more });

test('a request carries its address, token, language and key', async () => {
  serve(() => json({ ok: 1 }, 201));
  const api = new Api();
  api.token = 'secret';
  api.language = 'ko';
  await api.ask('charge', { path: { user_id: 'a/b' }, body: { amount: 5 }, key: 'k' });
  await api.ask('listDates', { path: { concert_id: 'c' }, query: { from: '2026-11-25' } });
  assert.equal(asked[0].address, '/v1/users/a%2Fb/charges');
  assert.equal(asked[0].method, 'POST');
  assert.deepEqual(JSON.parse(asked[0].body), { amount: 5 });
  assert.deepEqual(asked[0].headers, { 'accept-language': 'ko', authorization: 'Bearer secret', 'idempotency-key': 'k', 'content-type': 'application/json' });
  assert.equal(asked[1].address, '/v1/concerts/c/dates?from=2026-11-25');
  assert.equal(asked[1].body, undefined);
});

test('what never came through is sent again, with the same key, a few times', async () => {
  serve((_, n) => { if (n < 3) throw new TypeError('no route'); return json({ balance: 7 }, 201); });
  assert.deepEqual(await new Api().ask('charge', { path: { user_id: 'u' }, body: { amount: 5 }, key: 'k' }), { balance: 7 });
  assert.deepEqual(asked.map(({ headers }) => headers['idempotency-key']), ['k', 'k', 'k']);

  serve(() => { throw new TypeError('no route'); });
  await assert.rejects(new Api().ask('getTime'), { code: 'NETWORK' });
  assert.equal(asked.length, 4);
});

test('a busy server is asked again, not before it said', async () => {
  serve((_, n) => (n === 1 ? problem(503, 'OVERLOADED', { 'retry-after': '3' }) : json({ unix_ms: 1 })));
  await new Api().ask('getTime');
  assert.equal(asked.length, 2);
  assert.ok(clock.waits[0] >= 3000 && clock.waits[0] <= 4500, `${clock.waits}`);
});

test('a refusal is an answer: it is not sent again', async () => {
  for (const code of ['SEAT_HELD', 'INSUFFICIENT_BALANCE', 'TOKEN_EXPIRED', 'INVALID_REQUEST', 'RATE_LIMITED']) {
    serve(() => problem(409, code));
    await assert.rejects(new Api().ask('reserve', { body: {} }), { code });
    assert.equal(asked.length, 1, code);
  }
  serve(() => new Response('<html>', { status: 502 }));
  await assert.rejects(new Api().ask('getTime'), { code: 'INTERNAL' });
});

test('a view that went away does not ask again', async () => {
  const gone = new AbortController();
  serve(() => { gone.abort(); throw new Error('aborted'); });
  await assert.rejects(new Api().ask('getTime', { signal: gone.signal }), Refusal);
  assert.equal(asked.length, 1);
});

test('an answer that is the same is not sent again, and others do not mix in', async () => {
  const seats = { dates: [{ seats: [] }] };
  serve(({ headers }) => (headers['if-none-match'] === '"v1"' ? new Response(null, { status: 304 }) : json(seats, 200, { etag: '"v1"' })));
  const api = new Api();
  const path = { concert_id: 'c', date: 'd' };
  assert.deepEqual(await api.ask('listSeats', { path }), seats);
  assert.deepEqual(await api.ask('listSeats', { path }), seats);
  await api.ask('listSeats', { path: { ...path, date: 'e' } });
  assert.deepEqual(asked.map(({ headers }) => headers['if-none-match']), [undefined, '"v1"', undefined]);
});

test('events are read from any cut of the wire; comments are no events', async () => {
  serve(() => events([': hello\n\nevent: pl', 'ace\ndata: {"a"', ':1}\n\n', 'event: place\r\ndata: x\r\ndata: y\r\n\r\ndata: rest']));
  const seen = [];
  for await (const event of new Api().events('watchPlace', { signal: new AbortController().signal })) seen.push(event);
  assert.deepEqual(seen, [{ event: 'place', data: '{"a":1}' }, { event: 'place', data: 'x\ny' }]);
  assert.deepEqual(parseEvent('id: 3\ndata:  two'), { event: 'message', data: 'two' });
});

// Follows until `look` was called so often.
async function followed(looks, answer) {
  const done = new AbortController();
  const said = [];
  serve(answer);
  await follow({
    api: new Api(), operation: 'watchPlace', waitMs: () => 10,
    take: (event, data) => { said.push(data); },
    look: async () => { said.push('look'); looks -= 1; return looks > 0; },
    onLive: (live) => { said.push(live ? 'live' : 'not live'); },
  }, done.signal);
  return said;
}

test('without a stream it polls, and tries for a stream now and then', async () => {
  const said = await followed(7, () => problem(404, 'ROUTE_NOT_FOUND'));
  assert.equal(said.filter((word) => word === 'look').length, 7);
  assert.equal(asked.length, 2);
});

test('a stream that ends is had again at once after one look', async () => {
  const said = await followed(2, (_, n) => (n === 1 ? events(['data: 1\n\n']) : n === 2 ? events(['data: 2\n\n']) : problem(503, 'UNAVAILABLE')));
  assert.deepEqual(said, ['live', '1', 'not live', 'look', 'live', '2', 'not live', 'look']);
});

test('a tab that nobody sees has no stream, and gives the one it has back', async () => {
  page.hidden = true;
  await followed(3, () => events(['data: 1\n\n']));
  assert.equal(asked.length, 0);
  page.hidden = false;
  const said = await followed(1, ({ signal }) => {
    setImmediate(() => page.hide(true));
    return events(['data: 1\n\n'], signal);
  });
  assert.deepEqual(said, ['live', '1', 'not live', 'look']);
  assert.ok(asked[0].signal.aborted);
});

test('a place is kept over reloads, followed to its end, and forgotten when nobody knows it', async () => {
  serve(({ address, method }, n) => (method === 'POST' ? json(place(), 201)
    : address.endsWith('/events') ? problem(503, 'UNAVAILABLE') : json(place(n < 4 ? { position: 1 } : { status: 'EXPIRED' }))));
  const session = new Session();
  const over = new Promise((resolve) => { session.onPlace = () => session.place?.status === 'EXPIRED' && resolve(); });
  await session.join();
  assert.equal(new Session().api.token, 't');
  assert.equal(new Session().userId, session.userId);
  await over;
  assert.equal(session.place.status, 'EXPIRED');

  serve(() => problem(401, 'TOKEN_INVALID'));
  const stranger = new Session();
  const forgotten = new Promise((resolve) => { stranger.onPlace = resolve; });
  stranger.follow();
  await forgotten;
  assert.equal(stranger.hasToken, false);
  assert.equal(storage.getItem('boxoffice.token'), null);
});

test('one intent has one key until it is answered, over reloads too', () => {
  const key = new Session().keyOf('pay.1');
  assert.equal(new Session().keyOf('pay.1'), key);
  assert.notEqual(new Session().keyOf('pay.2'), key);
  const session = new Session();
  session.dropKey('pay.1');
  assert.notEqual(session.keyOf('pay.1'), key);
});

test('the server\'s clock counts, not this one\'s', async () => {
  serve(() => json({ unix_ms: Date.now() + 3600000, time: '' }));
  const session = new Session();
  await session.setClock();
  assert.ok(Math.abs(session.now() - Date.now() - 3600000) < 5000);
});

test('a sign-in is taken from the address, names the user, and goes to joining alone', async () => {
  const jwt = (claims) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;
  serve(({ method }) => (method === 'POST' ? json(place(), 201) : problem(503, 'UNAVAILABLE')));
  const session = new Session();
  const guest = session.userId;
  session.api.token = 'old';
  for (const none of ['', '#/tickets', '#identity=', '#identity=a.b', `#identity=${jwt({})}`, '#identity=e30.!!.x', '#identity=e30.e30x.x'])
    assert.equal(session.takeIdentity(none), false, none);
  assert.equal(session.userId, guest);
  assert.equal(session.takeIdentity(`#identity=${jwt({ sub: 'somebody' })}`), true);
  assert.equal(session.userId, 'somebody');
  assert.equal(session.hasToken, false, 'the place was another user\'s');
  await session.join();
  assert.equal(asked[0].headers.authorization, `Bearer ${jwt({ sub: 'somebody' })}`);
  assert.equal(JSON.parse(asked[0].body).user_id, 'somebody');
  await session.join();
  assert.equal(new Session().api.identity, jwt({ sub: 'somebody' }), 'a reload keeps it');
  const all = asked.filter(({ method }) => method === 'GET').map(({ headers }) => headers.authorization);
  assert.ok(all.every((one) => one === 'Bearer t'), `${all}`);
  session.forget();
});
