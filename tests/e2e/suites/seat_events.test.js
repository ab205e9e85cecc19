// A date's seats, pushed: GET /v1/concerts/{concert_id}/dates/{date}/events.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { EventStream } from '../support/events.js';
import { Suite } from '../support/suite.js';
import { Dates, User, ask, count, enterMany, expect, sleep } from '../support/user.js';

const perUser = 4;
const crowd = 200;

let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '1000', RESERVATION_HOLD_TTL_MS: '4000' });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

const pathOf = ({ concert_id, date }) => `/v1/concerts/${concert_id}/dates/${date}/events`;

// A reader of a date as the page is one: what it knows of each seat, by events alone.
class Reader {
  static async open(user, date, gateway = suite.nextGateway()) {
    const reader = new Reader();
    reader.stream = await EventStream.open(gateway, pathOf(date), { token: user.token });
    reader.taken = 0;
    await reader.stream.until(() => reader.stream.events.length > 0, 'all seats');
    return reader;
  }
  // Takes what came; false when a change was missed.
  #take() {
    for (; this.taken < this.stream.events.length; this.taken++) {
      const { event, id, data } = this.stream.events[this.taken];
      assert.equal(event, 'seats');
      assert.equal(id, String(data.version));
      if (data.from_version === undefined) this.seats = new Map();
      else assert.equal(data.from_version, this.version, 'a change was missed');
      for (const seat of data.available ?? []) this.seats.delete(seat);
      for (const seat of data.held) this.seats.set(seat, 'HELD');
      for (const seat of data.sold) this.seats.set(seat, 'SOLD');
      this.version = data.version;
    }
  }
  stateOf(seatNo) {
    this.#take();
    return this.seats.get(seatNo) ?? 'AVAILABLE';
  }
  until(seatNo, state) {
    return this.stream.until(() => this.stateOf(seatNo) === state, `seat ${seatNo} ${state}`);
  }
  get map() {
    this.#take();
    return [...this.seats].sort(([a], [b]) => a - b).map(([seat_no, status]) => ({ seat_no, status }));
  }
  close() {
    this.stream.close();
  }
}

async function takenSeats(user, date) {
  const { seats } = (await user.seats(date.concert_id, date.date, '?view=all')).dates[0];
  return seats.filter((seat) => seat.status !== 'AVAILABLE').map(({ seat_no, status }) => ({ seat_no, status }));
}

it('a seat that is held, given back, paid for and lapses is seen on both gateways at once', async () => {
  const date = dates.next();
  const [ann, bob, cid] = await enterMany(suite, 3);
  const readers = await Promise.all(suite.gateways.map((gateway) => Reader.open(cid, date, gateway)));
  const all = (seatNo, state) => Promise.all(readers.map((reader) => reader.until(seatNo, state)));
  for (const reader of readers) {
    assert.equal(reader.stream.response.headers['content-type'], 'text/event-stream');
    assert.deepEqual(reader.map, []);
  }
  const first = expect(await ann.reserve({ ...date, seat_no: 50 }), 201);
  await all(50, 'HELD');
  await ann.cancel(first);
  await all(50, 'AVAILABLE');
  const second = expect(await ann.reserve({ ...date, seat_no: 1 }), 201);
  expect(await bob.reserve({ ...date, seat_no: 9 }), 201); // and forgets about it
  await all(9, 'HELD');
  await ann.charge(second.price);
  expect(await ann.pay(second), 201);
  await all(1, 'SOLD');
  await all(9, 'AVAILABLE');
  assert.ok(readers.every(({ stream }) => stream.events.slice(1).some(({ data }) => data.from_version !== undefined)));
  const late = await Reader.open(cid, date);
  assert.deepEqual(late.map, [{ seat_no: 1, status: 'SOLD' }]);
  for (const reader of [...readers, late]) reader.close();
});

it(`${crowd} readers of a date are one subscription a gateway, and all see each of 50 holds`, async () => {
  const date = dates.next();
  const users = await enterMany(suite, crowd);
  const subscriptions = async () => {
    const texts = await Promise.all(suite.gateways.map((_, i) => fetch(`http://${suite.env[`GATEWAY_${i + 1}_ADMIN`]}/metrics`).then((r) => r.text())));
    return texts.map((text) => Number(/^gateway_seat_subscriptions_total (\d+)/m.exec(text)?.[1] ?? 0)).reduce((a, b) => a + b);
  };
  const before = await subscriptions();
  const readers = await Promise.all(users.map((user) => Reader.open(user, date)));
  assert.ok((await subscriptions()) - before <= suite.gateways.length);
  const held = await Promise.all(users.slice(0, 50).map((user, i) => user.reserve({ ...date, seat_no: i + 1 })));
  assert.deepEqual(count(held, (answer) => answer.status), { 201: 50 });
  await Promise.all(readers.map((reader) => reader.stream.until(() => reader.map.length === 50, 'all 50 held')));
  // And when they lapse, all at about the same time.
  await Promise.all(readers.map((reader) => reader.stream.until(() => reader.map.length === 0, 'all 50 free')));
  for (const reader of readers) reader.close();
});

it('instances of the reservation service come and go; readers stay and know everything', async () => {
  const date = dates.next();
  const users = await enterMany(suite, 6);
  const reader = await Reader.open(users[5], date);
  for (const [i, name] of ['RESERVATION_1', 'RESERVATION_2'].entries()) {
    suite.signal(name, i === 0 ? 'SIGKILL' : 'SIGTERM');
    await suite.untilGone(name);
    const held = await retry(() => users[i].reserve({ ...date, seat_no: 10 + i }, { key: 'once' }));
    await users[i].charge(held.price);
    await retry(() => users[i].pay(held, 'once'));
    await reader.until(10 + i, 'SOLD');
    await suite.up();
  }
  assert.equal(reader.stream.isOver, false);
  assert.deepEqual(reader.map, await takenSeats(users[5], date));
  reader.close();
});

async function retry(request) {
  for (let i = 0; ; i++) {
    const answer = await request();
    if (answer.status === 201 || i === 50) return expect(answer, 201);
    await sleep(100);
  }
}

it('who may not, and what is none', async () => {
  const date = dates.next();
  const user = await new User(suite).enter();
  const refused = async (where, token, status, code) => {
    const answer = await ask(suite.nextGateway(), 'GET', where, { token });
    assert.deepEqual([answer.status, answer.body.code], [status, code]);
  };
  await refused(pathOf(date), undefined, 401, 'TOKEN_REQUIRED');
  await refused(pathOf({ ...date, date: '2001-01-01' }), user.token, 404, 'DATE_NOT_FOUND');
  await refused(pathOf({ ...date, date: 'tomorrow' }), user.token, 400, 'INVALID_REQUEST');
  await refused(pathOf({ ...date, concert_id: user.id }), user.token, 404, 'CONCERT_NOT_FOUND');
  const gateway = suite.nextGateway();
  const readers = await Promise.all(Array.from({ length: perUser }, () => Reader.open(user, date, gateway)));
  const fifth = await ask(gateway, 'GET', pathOf(date), { token: user.token });
  assert.deepEqual([fifth.status, fifth.body.code], [429, 'RATE_LIMITED']);
  readers[0].close();
  for (let i = 0; ; i++) {
    const again = await EventStream.open(gateway, pathOf(date), { token: user.token });
    again.close();
    if (again.response.statusCode === 200) break;
    assert.ok(i < 100, 'a stream that was closed still counts');
    await sleep(100);
  }
  for (const reader of readers) reader.close();
  await user.leave();
  await refused(pathOf(date), user.token, 401, 'TOKEN_EXPIRED');
});

it('every invariant holds afterwards', () => suite.audit());
