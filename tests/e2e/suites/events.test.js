// A user's own place, pushed: GET /v1/queue/events.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { EventStream } from '../support/events.js';
import { Suite } from '../support/suite.js';
import { User, ask, expect, expectProblem } from '../support/user.js';

const path = '/v1/queue/events';
const perUser = 4;
const crowd = 5000;

let suite;
let quiet; // the stream of somebody to whom nothing happens, from the first test to the last
before(async () => {
  suite = await Suite.start({
    QUEUE_CAPACITY: '3',
    QUEUE_ABSENT_MS: '600000',
    QUEUE_ACTIVE_TTL_MS: '3600000',
  });
});
after(() => suite?.stop());

const open = (user, options = {}) =>
  EventStream.open(options.gateway ?? suite.nextGateway(), path, { token: user.token, ...options });

async function join() {
  const user = new User(suite);
  await user.join();
  return user;
}

// What the place is, without what depends on the moment of asking.
function steady({ estimated_wait_seconds, next_poll_ms, ...place }) {
  return place;
}

async function policy(...words) {
  const { code, stderr } = await suite.admin('policy', 'main', ...words);
  assert.equal(code, 0, stderr);
}

let active;
let line;

it('whoever waits sees themself move, and become ACTIVE, by push alone', async () => {
  quiet = await open(await join());
  active = [await join(), await join()];
  line = [await join(), await join(), await join()];
  const streams = await Promise.all(line.map((user) => open(user)));
  for (const [i, stream] of streams.entries()) {
    await stream.until((one) => one.events.length > 0);
    const { headers, statusCode } = stream.response;
    assert.equal(statusCode, 200);
    assert.equal(headers['content-type'], 'text/event-stream');
    assert.equal(headers['cache-control'], 'no-store');
    assert.ok(stream.retry > 0);
    assert.equal(stream.last.event, 'place');
    assert.ok(stream.last.id);
    assert.equal(stream.last.data.position, i + 1);
    assert.deepEqual(steady(stream.last.data), steady(await line[i].look()), 'the same place as by polling');
  }

  await active[0].leave();
  await streams[0].untilStatus('ACTIVE');
  await streams[1].untilPosition(1);
  assert.deepEqual(steady(streams[0].last.data), steady(await line[0].look()));
  await active[1].leave();
  await streams[1].untilStatus('ACTIVE');
  await streams[2].untilPosition(1);
  const ids = streams[2].events.map((event) => event.id);
  assert.equal(new Set(ids).size, ids.length, 'each state once');
});

it('a place that ends is told, and closes the stream', async () => {
  const stream = await open(line[0]);
  await stream.untilStatus('ACTIVE');
  await line[0].leave();
  await stream.untilStatus('EXPIRED');
  await stream.until((one) => one.isOver);
  // Whoever comes late hears it too; an EventSource that comes back is told to stop.
  const late = await open(line[0]);
  await late.untilStatus('EXPIRED');
  await late.until((one) => one.isOver);
  assert.equal(late.events.length, 1);
  assert.equal(late.last.id, stream.last.id);
  const again = await open(line[0], { headers: { 'last-event-id': late.last.id } });
  assert.equal(again.response.statusCode, 204);
});

it('needs the token of somebody in line', async () => {
  const gateway = suite.nextGateway();
  expectProblem(await ask(gateway, 'GET', path), 401, 'TOKEN_REQUIRED');
  expectProblem(await ask(gateway, 'GET', path, { token: `${line[2].token}x` }), 401, 'TOKEN_INVALID');
  const others = await ask(gateway, 'POST', path, { token: line[2].token });
  expectProblem(others, 405, 'METHOD_NOT_ALLOWED');
});

it('one user has so many streams and no more', async () => {
  const [gateway] = suite.gateways;
  const user = await join();
  const streams = await Promise.all(Array.from({ length: perUser }, () => open(user, { gateway })));
  await Promise.all(streams.map((stream) => stream.until((one) => one.events.length === 1)));
  const refused = await ask(gateway, 'GET', path, { token: user.token });
  expectProblem(refused, 429, 'RATE_LIMITED');
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  // One goes, as a closed tab does: there is room again.
  streams[0].close();
  for (let status = 429; status !== 200; ) {
    const next = await open(user, { gateway });
    status = next.response.statusCode;
    if (status === 200) streams.push(next);
    else assert.equal(status, 429);
  }
  streams.forEach((stream) => stream.close());
  await user.leave();
});

it('streams outlive the queue service, one instance and all of them', async () => {
  const ahead = await join();
  const user = await join();
  const streams = await Promise.all(suite.gateways.map((gateway) => open(user, { gateway })));
  await Promise.all(streams.map((stream) => stream.untilPosition(2)));

  suite.signal('QUEUE_1', 'SIGTERM');
  await suite.untilGone('QUEUE_1');
  await ahead.leave();
  await Promise.all(streams.map((stream) => stream.untilPosition(1)));

  suite.signal('QUEUE_2', 'SIGKILL');
  await suite.untilGone('QUEUE_2');
  expectProblem(await ask(suite.gateways[0], 'GET', path, { token: user.token }), 503, 'UNAVAILABLE');
  await suite.up();
  await policy('capacity=4');
  await Promise.all(streams.map((stream) => stream.untilStatus('ACTIVE')));
  assert.ok(streams.every((stream) => !stream.isOver));
  await user.leave();
  await Promise.all(streams.map((stream) => stream.untilStatus('EXPIRED')));
});

it(`${crowd} open streams of one gateway all get the news`, async () => {
  const [gateway] = suite.gateways;
  await policy('capacity=1');
  const users = Array.from({ length: crowd }, () => new User(suite));
  const waiting = [...users];
  const streams = [];
  const openSome = async () => {
    for (let user = waiting.shift(); user; user = waiting.shift()) {
      await user.join();
      const stream = await open(user, { gateway });
      assert.equal(stream.response.statusCode, 200);
      streams.push(stream);
    }
  };
  await Promise.all(Array.from({ length: 32 }, openSome));
  await Promise.all(streams.map((stream) => stream.until((one) => one.events.length > 0)));
  const metrics = (await ask(`http://${suite.env.GATEWAY_1_ADMIN}`, 'GET', '/metrics')).body;
  const open1 = Number(/^http_streams\{server="gateway"\} (\d+)$/m.exec(metrics)?.[1]);
  assert.ok(open1 >= crowd, `${open1} streams are open`);
  // Others are served meanwhile.
  expect(await ask(gateway, 'GET', '/v1/queue/tokens/me', { token: users[0].token }), 200);

  const asked = performance.now();
  for (let i = 0; i < 200; i++) expect(await ask(gateway, 'GET', '/v1/time'), 200);
  const began = performance.now();
  await policy(`capacity=${crowd + 10}`);
  await Promise.all(streams.map((stream) => stream.untilStatus('ACTIVE')));
  console.log(`all ${crowd} were told within ${Math.round(performance.now() - began)} ms;`,
    `others were answered in ${((began - asked) / 200).toFixed(2)} ms;`,
    /^process_resident_memory_bytes \d+$/m.exec(metrics)?.[0]);
  streams.forEach((stream) => stream.close());
});

it('a quiet stream has a heartbeat', async () => {
  await quiet.until((stream) => stream.comments > 0);
  assert.equal(quiet.events.length, 1);
});
