// Many at once, through both instances of everything: one outcome, told to each.
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { Suite } from '../support/suite.js';
import { Dates, User, count, enterMany, expect, expectProblem } from '../support/user.js';

let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '2000' });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());
// The money and the seats agree after every race.
afterEach(() => suite.audit());

const codeOf = (answer) => answer.body?.code ?? answer.status;

it('300 users for one seat: exactly one wins', async () => {
  const users = await enterMany(suite, 300);
  const seat = { ...dates.next(), seat_no: 25 };
  const answers = await Promise.all(users.map((user) => user.reserve(seat)));
  assert.deepEqual(count(answers, codeOf), { 201: 1, SEAT_HELD: 299 });
  const owned = await Promise.all(users.map((user) => user.reservations()));
  assert.equal(owned.flat().length, 1);
  assert.equal(owned.findIndex((list) => list.length === 1), answers.findIndex((a) => a.status === 201));
});

it('50 users for 50 seats: every one wins', async () => {
  const users = await enterMany(suite, 50);
  const date = dates.next();
  const answers = await Promise.all(users.map((user, i) => user.reserve({ ...date, seat_no: i + 1 })));
  assert.deepEqual(count(answers, codeOf), { 201: 50 });
});

it('one user for 50 seats of a date: one', async () => {
  const user = await new User(suite).enter();
  const date = dates.next();
  const seats = Array.from({ length: 50 }, (_, i) => ({ ...date, seat_no: i + 1 }));
  const answers = await Promise.all(seats.map((seat) => user.reserve(seat)));
  assert.deepEqual(count(answers, codeOf), { 201: 1, ONE_SEAT_PER_DATE: 49 });
  assert.equal((await user.reservations()).length, 1);
});

it('100 users for 10 seats, each wanting any: ten win', async () => {
  const users = await enterMany(suite, 100);
  const date = dates.next();
  const won = await Promise.all(
    users.map(async (user, i) => {
      for (let step = 0; step < 10; step++) {
        const answer = await user.reserve({ ...date, seat_no: ((i + step) % 10) + 1 });
        if (answer.status === 201) return 1;
        expectProblem(answer, 409, 'SEAT_HELD');
      }
      return 0;
    }),
  );
  assert.equal(won.reduce((a, b) => a + b), 10);
});

it('100 charges of a new wallet at once: all are kept', async () => {
  const user = await new User(suite).enter();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => user.charge(100 + i)));
  assert.deepEqual(count(answers, codeOf), { 201: 100 });
  assert.equal(await user.balance(), 100 * 100 + (99 * 100) / 2);
  const balances = answers.map((answer) => answer.body.balance);
  assert.equal(new Set(balances).size, 100, 'each was told the balance after its own');
});

it('a double click: 20 charges with one key charge once', async () => {
  const user = await new User(suite).enter();
  const answers = await Promise.all(Array.from({ length: 20 }, () => user.charge(5000, 'click')));
  const done = answers.filter((answer) => answer.status === 201);
  assert.ok(done.length >= 1);
  assert.equal(done.filter((answer) => answer.headers.get('idempotent-replayed') === null).length, 1);
  assert.equal(new Set(done.map((answer) => answer.body.charge_id)).size, 1);
  for (const answer of answers.filter((each) => each.status !== 201))
    expectProblem(answer, 409, 'IDEMPOTENCY_IN_PROGRESS');
  assert.equal(await user.balance(), 5000);
  assert.deepEqual(expect(await user.charge(5000, 'click'), 201), done[0].body);
});

it('a double click: 20 payments with one key pay once', async () => {
  const user = await new User(suite).enter();
  const held = expect(await user.reserve({ ...dates.next(), seat_no: 1 }), 201);
  await user.charge(held.price * 5);
  const answers = await Promise.all(Array.from({ length: 20 }, () => user.pay(held, 'click')));
  const told = count(answers, codeOf);
  assert.ok(told[201] >= 1, JSON.stringify(told));
  // A click that came after the payment meets a used token.
  const allowed = new Set(['201', 'IDEMPOTENCY_IN_PROGRESS', 'TOKEN_EXPIRED', '202']);
  assert.deepEqual(Object.keys(told).filter((code) => !allowed.has(code)), [], JSON.stringify(told));
  const ids = answers.filter((a) => a.status === 201).map((a) => a.body.payment_id);
  assert.equal(new Set(ids).size, 1);
  assert.equal((await user.payments()).length, 1);
  const sum = (await user.transactions()).reduce((total, entry) => total + entry.amount, 0);
  assert.equal(sum, held.price * 4);
});

it('20 payments with 20 keys of one reservation: one pays', async () => {
  const user = await new User(suite).enter();
  const held = expect(await user.reserve({ ...dates.next(), seat_no: 1 }), 201);
  await user.charge(held.price * 5);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => user.pay(held, `key-${i}`)));
  const told = count(answers, codeOf);
  assert.equal(told[201], 1, JSON.stringify(told));
  const allowed = new Set(['201', 'PAYMENT_IN_PROGRESS', 'ALREADY_PAID', 'TOKEN_EXPIRED']);
  assert.deepEqual(Object.keys(told).filter((code) => !allowed.has(code)), [], JSON.stringify(told));
  const completed = (await user.payments()).filter((payment) => payment.status === 'COMPLETED');
  assert.equal(completed.length, 1);
  const sum = (await user.transactions()).reduce((total, entry) => total + entry.amount, 0);
  assert.equal(sum, held.price * 4);
});

it('two reservations paid at once from a balance for one: one is refused', async () => {
  const user = await new User(suite).enter();
  const one = expect(await user.reserve({ ...dates.next(), seat_no: 50 }), 201);
  const two = expect(await user.reserve({ ...dates.next(), seat_no: 50 }), 201);
  await user.charge(Math.max(one.price, two.price));
  const answers = await Promise.all([user.pay(one), user.pay(two)]);
  const told = count(answers, codeOf);
  assert.equal(told[201], 1, JSON.stringify(told));
  // The second is either too poor or finds the token used by the first.
  assert.equal((told.INSUFFICIENT_BALANCE ?? 0) + (told.TOKEN_EXPIRED ?? 0), 1, JSON.stringify(told));
});

it('50 users hold, charge and pay side by side: all own their seat', async () => {
  const users = await enterMany(suite, 50);
  const date = dates.next();
  const payments = await Promise.all(
    users.map(async (user, i) => {
      const held = expect(await user.reserve({ ...date, seat_no: i + 1 }), 201);
      expect(await user.charge(held.price), 201);
      return expect(await user.pay(held), 201);
    }),
  );
  assert.ok(payments.every((payment) => payment.status === 'COMPLETED' && payment.balance_after === 0));
  const guest = await new User(suite).enter();
  const seats = (await guest.seats(date.concert_id, date.date, '?view=all')).dates[0].seats;
  assert.ok(seats.every((seat) => seat.status === 'SOLD'));
});

it('pay against cancel: the seat is sold or free, never both', async () => {
  const users = await enterMany(suite, 20);
  const date = dates.next();
  await Promise.all(
    users.map(async (user, i) => {
      const held = expect(await user.reserve({ ...date, seat_no: i + 1 }), 201);
      await user.charge(held.price);
      const [paid, cancelled] = await Promise.all([user.pay(held), user.cancel(held)]);
      const { status } = await user.reservation(held.reservation_id);
      if (paid.status === 201) {
        assert.equal(status, 'CONFIRMED');
        assert.notEqual(cancelled.status, 204, 'both were told yes');
      } else {
        assert.equal(cancelled.status, 204, JSON.stringify([paid.body, cancelled.body]));
        assert.equal(status, 'CANCELLED');
        const sum = (await user.transactions()).reduce((total, entry) => total + entry.amount, 0);
        assert.equal(sum, held.price, 'the money came back');
      }
    }),
  );
});

it('20 joins of one user at once: one place', async () => {
  const user = new User(suite);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      user.ask('POST', '/v1/queue/tokens', { token: undefined, body: { user_id: user.id } })),
  );
  assert.equal(new Set(answers.map((answer) => answer.body.token_id)).size, 1);
  assert.deepEqual(count(answers, (answer) => answer.status), { 200: 19, 201: 1 });
});
