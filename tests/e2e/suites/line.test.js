// The waiting line with room for five: strict order, whoever serves it.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Suite } from '../support/suite.js';
import { User, expectProblem, sleep } from '../support/user.js';

const capacity = 5;
let suite;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: String(capacity), QUEUE_ABSENT_MS: '60000' });
});
after(() => suite?.stop());

let line; // everybody in line, by sequence

it('300 join over two gateways: whoever asked earlier stands earlier', async () => {
  const users = Array.from({ length: 300 }, () => new User(suite));
  const waiting = [...users];
  const joinSome = async () => {
    for (let user = waiting.shift(); user; user = waiting.shift()) {
      user.asked = performance.now();
      await user.join();
      user.answered = performance.now();
    }
  };
  await Promise.all(Array.from({ length: 20 }, joinSome));

  line = users.sort((a, b) => a.claims.seq - b.claims.seq);
  assert.equal(new Set(line.map((user) => user.claims.seq)).size, 300, 'no number is given twice');
  // Nobody has a lower number than one who had his answer before he asked.
  let latestAsk = 0;
  for (const user of line) {
    assert.ok(user.answered > latestAsk, `sequence ${user.claims.seq} overtook somebody`);
    latestAsk = Math.max(latestAsk, user.asked);
  }
  for (const user of line) {
    assert.equal(user.claims.sub, user.id);
    assert.equal(user.claims.jti, user.place.token_id);
    assert.equal(user.claims.queue, 'main');
  }
});

it('positions are the order of the numbers', async () => {
  await Promise.all(line.map((user) => user.look()));
  assert.deepEqual(line.slice(0, capacity).map((user) => user.place.status), Array(capacity).fill('ACTIVE'));
  line.slice(capacity).forEach((user, i) => {
    assert.equal(user.place.status, 'WAITING');
    assert.equal(user.place.position, i + 1);
    assert.equal(user.place.ahead, i);
    assert.ok(user.place.next_poll_ms > 0);
  });
});

it('asking again keeps the place', async () => {
  const user = line[100];
  const { token_id, position } = user.place;
  const seq = user.claims.seq;
  assert.equal((await user.join()).status, 200);
  assert.equal(user.place.token_id, token_id);
  assert.equal(user.claims.seq, seq);
  assert.equal((await user.look()).position, position);
});

it('whoever waits is told to wait', async () => {
  const problem = await line[capacity + 2].ask('GET', '/v1/concerts');
  assert.equal(expectProblem(problem, 403, 'NOT_YOUR_TURN').position, 3);
  assert.ok(Number(problem.headers.get('retry-after')) >= 1);
  expectProblem(await line[capacity + 2].charge(1000), 403, 'NOT_YOUR_TURN');
  const seat = { concert_id: line[0].id, date: '2099-01-01', seat_no: 1 };
  expectProblem(await line[capacity + 2].reserve(seat), 403, 'NOT_YOUR_TURN');
});

it('one leaves, the next enters at once, in order', async () => {
  for (let i = 0; i < 30; i++) {
    await line[i].leave();
    assert.equal((await line[i + capacity].look()).status, 'ACTIVE');
    assert.equal((await line[i + capacity + 1].look()).position, 1);
  }
});

it('20 leave at once: exactly the next 20 enter', async () => {
  // Five leave at a time, as five are active.
  for (let first = 30; first < 50; first += capacity) {
    await Promise.all(line.slice(first, first + capacity).map((user) => user.leave()));
    const next = line.slice(first + capacity, first + 3 * capacity);
    await Promise.all(next.map((user) => user.look()));
    const states = next.map((user) => user.place.status);
    assert.deepEqual(states, [...Array(capacity).fill('ACTIVE'), ...Array(capacity).fill('WAITING')]);
  }
});

it('whoever left a waiting place moves the others up, and comes back last', async () => {
  const gone = line[60];
  const behind = line[61];
  const { position } = await behind.look();
  await gone.leave();
  assert.equal((await behind.look()).position, position - 1);
  assert.equal((await gone.join()).status, 201);
  const last = await line[299].look();
  assert.equal((await gone.look()).position, last.position + 1);
});

it('the admission log proves the order', async () => {
  await sleep(500);
  const { code, stdout, stderr } = await suite.admin('verify-order', 'main');
  assert.equal(code, 0, stdout + stderr);
  const told = [...stdout.matchAll(/ADMITTED TURN +sequence (\d+) +user (\S+)/g)].map((row) => [Number(row[1]), row[2]]);
  // The first 50 left and 5 are in, all in the order of their numbers.
  assert.deepEqual(told.slice(0, 55), line.slice(0, 55).map((user) => [user.claims.seq, user.id]));
  assert.match(stdout, new RegExp(`queue main: ${told.length} admitted, ${told.length} in turn and 0 returned late; 0 skipped`));
  assert.match(stdout, / 0 inversions\n$/);
  const brief = await suite.admin('verify-order', 'main', '--brief');
  assert.ok(stdout.endsWith(brief.stdout));
  assert.equal((await suite.admin('verify-order', 'nowhere')).code, 1);
});

it('every invariant of the line holds afterwards', async () => {
  await sleep(200);
  await suite.audit();
});
