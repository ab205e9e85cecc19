// The whole story through a gateway, as a user plays it: node story.js <gateway>
import assert from 'node:assert/strict';
import { User, expect } from '../../e2e/support/user.js';

const gateway = process.argv[2];
const user = await new User({ nextGateway: () => gateway }).enter();
const { concert_id } = (await user.concerts())[0];
const { date } = (await user.dates(concert_id)).at(-1); // the load has the first ones
const { seats } = (await user.seats(concert_id, date)).dates[0];
const held = expect(await user.reserve({ concert_id, date, seat_no: seats[0].seat_no }), 201);
expect(await user.charge(held.price + 1), 201);
const paid = expect(await user.pay(held), 201);
assert.equal(paid.balance_after, 1);
assert.equal((await user.reservation(held.reservation_id)).status, 'CONFIRMED');
assert.equal((await user.look()).status, 'EXPIRED');
console.log(`seat ${paid.seat_no} of ${date} is paid: ${paid.payment_id}`);
