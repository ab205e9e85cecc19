// Holds that lapse after one and a half seconds.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Suite } from '../support/suite.js';
import { Dates, User, count, enterMany, expect, expectProblem, sleep } from '../support/user.js';

const holdMs = 1500;
let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '1000', RESERVATION_HOLD_TTL_MS: String(holdMs) });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

const lapsed = () => sleep(holdMs + 200);

it('a lapsed hold is free, shows as EXPIRED and cannot be paid', async () => {
  const [user, other] = await enterMany(suite, 2);
  const seat = { ...dates.next(), seat_no: 3 };
  const held = expect(await user.reserve(seat), 201);
  await user.charge(1000000);
  expectProblem(await other.reserve(seat), 409, 'SEAT_HELD');
  await lapsed();
  assert.equal((await user.reservation(held.reservation_id)).status, 'EXPIRED');
  const free = (await other.seats(seat.concert_id, seat.date)).dates[0];
  assert.ok(free.seats.some((each) => each.seat_no === 3));
  expectProblem(await user.pay(held), 410, 'HOLD_EXPIRED');
  assert.equal(await user.balance(), 1000000);
  expect(await other.reserve(seat), 201);
});

it('a seat lapses and is sold again and again', async () => {
  const users = await enterMany(suite, 4);
  const seat = { ...dates.next(), seat_no: 1 };
  for (const user of users.slice(0, 3)) {
    expect(await user.reserve(seat), 201);
    await lapsed();
  }
  const held = expect(await users[3].reserve(seat), 201);
  await users[3].charge(held.price);
  expect(await users[3].pay(held), 201);
  expectProblem(await users[0].reserve(seat), 409, 'SEAT_SOLD');
});

it('a lapsed hold does not count against one seat a date', async () => {
  const user = await new User(suite).enter();
  const date = dates.next();
  expect(await user.reserve({ ...date, seat_no: 1 }), 201);
  expectProblem(await user.reserve({ ...date, seat_no: 2 }), 409, 'ONE_SEAT_PER_DATE');
  await lapsed();
  expect(await user.reserve({ ...date, seat_no: 2 }), 201);
});

it('100 users wait for a hold to lapse: one gets the seat', async () => {
  const holder = await new User(suite).enter();
  const users = await enterMany(suite, 100);
  const seat = { ...dates.next(), seat_no: 10 };
  expect(await holder.reserve(seat), 201);
  const until = Date.now() + holdMs + 300;
  const won = await Promise.all(
    users.map(async (user) => {
      while (Date.now() < until) {
        const answer = await user.reserve(seat);
        if (answer.status === 201) return 'won';
        expectProblem(answer, 409, 'SEAT_HELD');
        await sleep(200);
      }
      return 'lost';
    }),
  );
  assert.deepEqual(count(won, (each) => each), { won: 1, lost: 99 });
});

it('paying at the moment the hold lapses: paid and owned, or refused and free', async () => {
  const users = await enterMany(suite, 20);
  const date = dates.next();
  await Promise.all(
    users.map(async (user, i) => {
      await user.charge(1000000);
      const held = expect(await user.reserve({ ...date, seat_no: i + 1 }), 201);
      await sleep(holdMs - 100 + i * 10);
      const paid = await user.pay(held);
      const { status } = await user.reservation(held.reservation_id);
      if (paid.status === 201) {
        assert.equal(status, 'CONFIRMED');
      } else {
        expectProblem(paid, 410, 'HOLD_EXPIRED');
        assert.equal(status, 'EXPIRED');
        assert.equal(await user.balance(), 1000000);
      }
    }),
  );
});

it('every invariant holds afterwards', async () => {
  await lapsed();
  await suite.audit();
});
