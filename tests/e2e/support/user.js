// A user of the suite over HTTP, and what a test says about answers.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

// One request. body: an object (sent as JSON) or a string (as it is). Network failures throw.
export async function ask(gateway, method, path, { token, key, body, headers = {}, timeoutMs = 30000 } = {}) {
  const all = { ...headers };
  if (token !== undefined) all.authorization ??= `Bearer ${token}`;
  if (key !== undefined) all['idempotency-key'] = key;
  if (body !== undefined) all['content-type'] ??= 'application/json';
  const response = await fetch(gateway + path, {
    method,
    headers: all,
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text };
}

export function expect(answer, status) {
  assert.equal(answer.status, status, `${status} was due: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

// A refusal as RFC 9457 has it, with this code.
export function expectProblem(answer, status, code) {
  const said = `${status} ${code} was due: ${answer.status} ${JSON.stringify(answer.body)}`;
  assert.equal(answer.status, status, said);
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, said);
  assert.equal(answer.body.code, code, said);
  assert.equal(answer.body.status, status, said);
  for (const member of ['type', 'title', 'detail', 'trace_id'])
    assert.equal(typeof answer.body[member], 'string', `${member} is missing: ${said}`);
  return answer.body;
}

export class User {
  constructor(suite, id = randomUUID()) {
    this.suite = suite;
    this.id = id;
  }

  ask(method, path, options = {}) {
    return ask(this.suite.nextGateway(), method, path, { token: this.token, ...options });
  }

  // The claims inside the token, unchecked.
  get claims() {
    return JSON.parse(Buffer.from(this.token.split('.')[1], 'base64url'));
  }

  async join() {
    const answer = await this.ask('POST', '/v1/queue/tokens', { token: undefined, body: { user_id: this.id } });
    assert.ok([200, 201].includes(answer.status), `join: ${answer.status} ${JSON.stringify(answer.body)}`);
    this.token = answer.body.token;
    this.place = answer.body;
    return answer;
  }

  async look() {
    this.place = expect(await this.ask('GET', '/v1/queue/tokens/me'), 200);
    return this.place;
  }

  // Polls as a browser does, when it is told to.
  async untilActive(limitMs = 60000) {
    const end = Date.now() + limitMs;
    while ((await this.look()).status !== 'ACTIVE') {
      assert.equal(this.place.status, 'WAITING');
      assert.ok(Date.now() < end, 'it was never my turn');
      await sleep(Math.min(this.place.next_poll_ms, 500));
    }
    return this;
  }

  async enter() {
    await this.join();
    return this.untilActive();
  }
  leave() {
    return this.ask('DELETE', '/v1/queue/tokens/me');
  }

  async concerts() {
    return expect(await this.ask('GET', '/v1/concerts'), 200).concerts;
  }
  async dates(concertId) {
    return expect(await this.ask('GET', `/v1/concerts/${concertId}/dates`), 200).dates;
  }
  async seats(concertId, date, query = '') {
    const path = `/v1/concerts/${concertId}/dates/${date}/seats${query}`;
    return expect(await this.ask('GET', path), 200);
  }

  reserve(seat, options = {}) {
    const { concert_id, date, seat_no } = seat;
    return this.ask('POST', '/v1/reservations', { body: { concert_id, date, seat_no }, ...options });
  }
  cancel(reservation) {
    return this.ask('DELETE', `/v1/reservations/${reservation.reservation_id}`);
  }
  async reservation(id) {
    return expect(await this.ask('GET', `/v1/reservations/${id}`), 200);
  }
  async reservations() {
    return expect(await this.ask('GET', '/v1/reservations'), 200).reservations;
  }

  charge(amount, key = randomUUID()) {
    return this.ask('POST', `/v1/users/${this.id}/charges`, { body: { amount }, key });
  }
  async balance() {
    return expect(await this.ask('GET', `/v1/users/${this.id}/balance`), 200).balance;
  }
  async transactions() {
    return expect(await this.ask('GET', `/v1/users/${this.id}/transactions`), 200).transactions;
  }

  pay(reservation, key = randomUUID(), options = {}) {
    const body = { reservation_id: reservation.reservation_id };
    return this.ask('POST', '/v1/payments', { body, key, ...options });
  }
  async payments() {
    return expect(await this.ask('GET', '/v1/payments'), 200).payments;
  }
}

// `count` users whose turn it is.
export async function enterMany(suite, count) {
  return Promise.all(Array.from({ length: count }, () => new User(suite).enter()));
}

// Dates of the demo catalog nobody has touched: each test takes its own.
export class Dates {
  static async of(suite) {
    const guest = await new User(suite).enter();
    const dates = new Dates();
    dates.unused = [];
    for (const { concert_id } of await guest.concerts())
      for (const { date } of await guest.dates(concert_id)) dates.unused.push({ concert_id, date });
    await guest.leave();
    return dates;
  }
  next() {
    assert.ok(this.unused.length > 0, 'no date is left in the demo catalog');
    return this.unused.shift();
  }
}

export function count(items, keyOf) {
  const counts = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}
