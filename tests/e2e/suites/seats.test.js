// Seats and the catalog, through two instances of everything: seasons, reading, the live map, and a storm of holds.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, client } from '../support/grpc.js';
import { SeatMap, taken } from '../support/seatmap.js';
import { Suite } from '../support/suite.js';
import { Dates, User, count, enterMany, expect, expectProblem, sleep } from '../support/user.js';

const holdMs = 2500;
const day = 24 * 60 * 60 * 1000;
let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '2000', RESERVATION_HOLD_TTL_MS: String(holdMs) });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

const dayAfter = (days) => new Date(Date.now() + days * day).toISOString().slice(0, 10);
const at = (date, time = '10:00:00Z') => `${date}T${time}`;
function seasonDate(date, seats = 50, changes = {}) {
  return {
    date,
    starts_at: at(date),
    seats_total: seats,
    sale_opens_at: '2020-01-01T00:00:00Z',
    tiers: [
      { first_seat_no: 1, last_seat_no: 10, price: 90000 },
      { first_seat_no: 11, last_seat_no: seats, price: 50000 },
    ],
    ...changes,
  };
}
async function importSeason(season) {
  const file = path.join(suite.folder, `${randomUUID()}.json`);
  await writeFile(file, typeof season === 'string' ? season : JSON.stringify(season));
  return suite.admin('import', file);
}

describe('a season', () => {
  const one = randomUUID();
  const two = randomUUID();
  const season = () => ({
    concerts: [
      { concert_id: one, title: 'Large Hall', artist: 'A', venue: 'V', dates: [seasonDate(dayAfter(10), 5000)] },
      {
        concert_id: two,
        title: 'Long Run',
        dates: Array.from({ length: 120 }, (_, i) => seasonDate(dayAfter(20 + i))),
      },
    ],
  });

  it('is told everything that is wrong with it, and nothing of it is written', async () => {
    const bad = season();
    bad.concerts[0].title = '';
    bad.concerts[0].dates[0].tiers[1].last_seat_no = 4999;
    bad.concerts[1].dates[7].starts_at = at(dayAfter(3));
    bad.concerts[1].dates[8].starts_at = 'noon';
    bad.concerts[1].dates[9].tiers[0].price = 0;
    bad.concerts[1].dates[10].colour = 'red';
    bad.concerts[1].dates[11].date = dayAfter(20);
    const { code, stderr } = await importSeason(bad);
    assert.equal(code, 1, stderr);
    for (const pointer of [
      '/concerts/0/title ', '/concerts/0/dates/0/tiers ', '/concerts/1/dates/7/starts_at ', '/concerts/1/dates/8/starts_at ',
      '/concerts/1/dates/9/tiers/0/price ', '/concerts/1/dates/10/colour ', '/concerts/1/dates/11/date ',
    ])
      assert.ok(stderr.includes(`  ${pointer}`), `${pointer} in\n${stderr}`);
    const user = await new User(suite).enter();
    expectProblem(await user.ask('GET', `/v1/concerts/${two}/dates`), 404, 'CONCERT_NOT_FOUND');
    assert.equal((await importSeason('{"concerts": [')).code, 1);
  });

  it('is there at once, and importing it again adds only what is new', async () => {
    const first = await importSeason(season());
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /Large Hall: new, 1 dates, 1 new/);
    assert.match(first.stdout, /Long Run: new, 120 dates, 120 new/);
    const again = season();
    again.concerts[1].dates.push(seasonDate(dayAfter(150)));
    const second = await importSeason(again);
    assert.match(second.stdout, /Large Hall: known, 1 dates, 0 new/);
    assert.match(second.stdout, /Long Run: known, 121 dates, 1 new/);
    const user = await new User(suite).enter();
    const hall = (await user.seats(one, dayAfter(10), '?view=all')).dates[0];
    assert.equal(hall.seats_total, 5000);
    assert.equal(hall.seats.length, 5000);
    assert.deepEqual([hall.seats[9].price, hall.seats[10].price, hall.seats[4999].price], [90000, 50000, 50000]);
    const held = expect(await user.reserve({ concert_id: one, date: dayAfter(10), seat_no: 5000 }), 201);
    assert.equal(held.price, 50000);
    expectProblem(await user.reserve({ concert_id: one, date: dayAfter(10), seat_no: 5001 }), 400, 'INVALID_REQUEST');
  });

  it('that contradicts what is there is refused whole', async () => {
    const other = season();
    other.concerts[0].dates.push(seasonDate(dayAfter(11)));
    other.concerts[1].dates[0].tiers[0].price = 1;
    const { code, stderr } = await importSeason(other);
    assert.equal(code, 1);
    assert.ok(stderr.includes('/concerts/1/dates/0 is there with other content'), stderr);
    const user = await new User(suite).enter();
    assert.equal((await user.dates(one)).length, 1);
  });

  it('can be made by words', async () => {
    const id = randomUUID();
    const date = dayAfter(5);
    const words = ['add-date', id, date, `starts_at=${at(date)}`, 'sale_opens_at=2020-01-01T00:00:00Z', 'tier=1-3:70000'];
    assert.equal((await suite.admin(...words, 'seats_total=3')).code, 1, 'there is no such concert yet');
    assert.match((await suite.admin('create-concert', id, 'By Words', 'venue=Blue Room')).stdout, /By Words: new/);
    assert.match((await suite.admin('create-concert', id, 'By Words', 'venue=Blue Room')).stdout, /By Words: known/);
    assert.equal((await suite.admin('create-concert', id, 'Other Words')).code, 1);
    assert.match((await suite.admin(...words, 'seats_total=3')).stdout, /: new/);
    assert.match((await suite.admin(...words, 'seats_total=3')).stdout, /: known/);
    assert.match((await suite.admin(...words, 'seats_total=4')).stderr, /tiers must end at seat 4/);
    assert.equal((await suite.admin(...words, 'colour=red')).code, 2);
    const user = await new User(suite).enter();
    assert.equal((await user.seats(id, date)).dates[0].seats_available, 3);
  });

  it('is on sale between its times only', async () => {
    const id = randomUUID();
    const soon = new Date(Date.now() + day).toISOString();
    const { code, stderr } = await importSeason({
      concerts: [{
        concert_id: id,
        title: 'Not Now',
        dates: [
          seasonDate(dayAfter(30), 50, { sale_opens_at: soon }),
          seasonDate(dayAfter(31), 50, { sale_closes_at: '2020-01-02T00:00:00Z' }),
          seasonDate('2020-06-01', 50),
        ],
      }],
    });
    assert.equal(code, 0, stderr);
    const user = await new User(suite).enter();
    for (const date of [dayAfter(30), dayAfter(31), '2020-06-01'])
      expectProblem(await user.reserve({ concert_id: id, date, seat_no: 1 }), 409, 'NOT_ON_SALE');
    assert.deepEqual((await user.dates(id)).map((each) => each.date), [dayAfter(30), dayAfter(31)]);
  });

  it('pages keep their place while concerts are added', async () => {
    const user = await new User(suite).enter();
    const page = async (query) => expect(await user.ask('GET', `/v1/concerts?page_size=2${query}`), 200);
    const seen = [];
    let token = '';
    let grown = false;
    do {
      const { concerts, next_page_token: next } = await page(token && `&page_token=${encodeURIComponent(token)}`);
      seen.push(...concerts.map((each) => each.concert_id));
      if (!grown) {
        // One in front of everything, one behind.
        for (const id of [`00000000${randomUUID().slice(8)}`, `ffffffff${randomUUID().slice(8)}`])
          assert.equal((await suite.admin('create-concert', id, 'Meanwhile')).code, 0);
        grown = true;
      }
      token = next ?? '';
    } while (token !== '');
    assert.equal(new Set(seen).size, seen.length, 'no concert comes twice');
    assert.deepEqual(seen, [...seen].sort());
    assert.ok(seen.at(-1).startsWith('ffffffff') && !seen[0].startsWith('00000000'));
    for (const bad of ['forged', seen[0]])
      expectProblem(await user.ask('GET', `/v1/concerts?page_token=${bad}`), 400, 'INVALID_REQUEST');
  });
});

describe('reading', () => {
  it('sees what was written before it, by whichever instance', async () => {
    const user = await new User(suite).enter();
    const date = dates.next();
    const isFree = async (seat) =>
      (await user.seats(date.concert_id, date.date)).dates[0].seats.some((each) => each.seat_no === seat);
    const total = (await user.seats(date.concert_id, date.date)).dates[0].seats_available;
    for (let seat = 1; seat <= 20; seat++) {
      const held = expect(await user.reserve({ ...date, seat_no: seat }), 201);
      assert.equal(await isFree(seat), false);
      const listed = (await user.dates(date.concert_id)).find((each) => each.date === date.date);
      assert.equal(listed.seats_available, total - 1);
      expect(await user.cancel(held), 204);
      assert.equal(await isFree(seat), true);
    }
  });

  it('costs a crowd one question a moment', async () => {
    const figure = async (name) => {
      const texts = await Promise.all([1, 2].map(async (n) => (await fetch(`http://${suite.env[`CONCERT_${n}_ADMIN`]}/metrics`)).text()));
      return texts.reduce((sum, text) => sum + Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0), 0);
    };
    const users = await enterMany(suite, 40);
    const date = dates.next();
    const before = { reads: await figure('boxoffice_seat_reads_total'), flights: await figure('boxoffice_seat_flights_total') };
    const begun = Date.now();
    await Promise.all(users.map(async (user) => {
      for (let i = 0; i < 20; i++) assert.equal((await user.seats(date.concert_id, date.date)).dates[0].seats_available, 50);
    }));
    const took = Date.now() - begun;
    const reads = (await figure('boxoffice_seat_reads_total')) - before.reads;
    const flights = (await figure('boxoffice_seat_flights_total')) - before.flights;
    assert.equal(reads, 800);
    // Two instances, each at most once in 10 ms, and a first one each.
    assert.ok(flights <= 2 * (took / 10 + 1), `${flights} questions in ${took} ms`);
    assert.ok(flights < reads, `${flights} questions for ${reads} readers`);
  });

  it('shows held and sold seats when asked for all, and adds the later dates', async () => {
    const [holder, buyer] = await enterMany(suite, 2);
    const date = dates.next();
    await buyer.charge(1000000);
    expect(await buyer.pay(expect(await buyer.reserve({ ...date, seat_no: 2 }), 201)), 201);
    expect(await holder.reserve({ ...date, seat_no: 1 }), 201);
    const query = `?view=all&through=${dayAfter(60)}`;
    const shown = (await holder.seats(date.concert_id, date.date, query)).dates;
    assert.equal(shown[0].date, date.date);
    assert.deepEqual(shown[0].seats.slice(0, 3).map((seat) => seat.status), ['HELD', 'SOLD', 'AVAILABLE']);
    assert.ok(shown.length > 1 && shown.every((each, i) => i === 0 || each.date > shown[i - 1].date));
  });
});

describe('the live map', () => {
  it('tells readers of both instances the same story, lapses too', async () => {
    const date = dates.next();
    const users = await enterMany(suite, 12);
    const maps = [1, 2].map((n) => new SeatMap(client(suite, 'reservation', n), date.concert_id, date.date));
    await Promise.all(maps.map((map) => map.until(() => true, 'the first map')));
    const everyone = (isSo, what) => Promise.all(maps.map((map) => map.until(isSo, what)));

    const held = await Promise.all(users.map((user, i) => user.reserve({ ...date, seat_no: i + 1 })));
    held.forEach((answer) => expect(answer, 201));
    await everyone((map) => Object.keys(map).length === 12, 'all held');
    expect(await users[0].cancel(held[0].body), 204);
    await everyone((map) => map[1] === undefined, 'the cancelled one free');
    await users[1].charge(1000000);
    expect(await users[1].pay(held[1].body), 201);
    await everyone((map) => map[2] === 'SOLD', 'the paid one sold');
    // Nobody does anything any more: time alone frees the rest.
    await everyone((map) => JSON.stringify(map) === '{"2":"SOLD"}', 'the lapsed ones free');
    for (const map of maps) {
      assert.equal(map.snapshots, 1);
      assert.equal(map.missed, 0);
      map.close();
    }
  });

  it('starts a late reader from all seats, and refuses a date that is none', async () => {
    const user = await new User(suite).enter();
    const date = dates.next();
    expect(await user.reserve({ ...date, seat_no: 50 }), 201);
    const map = new SeatMap(client(suite, 'reservation'), date.concert_id, date.date);
    assert.deepEqual(await map.until(() => true, 'a map'), { 50: 'HELD' });
    map.close();
    const none = new SeatMap(client(suite, 'reservation'), date.concert_id, '2020-01-01');
    while (none.error === undefined) await sleep(10);
    assert.equal(none.error.code, 5);
  });
});

describe('a storm over two instances', () => {
  // Users hold, cancel, pay and forget; time lapses what they forgot. Afterwards everything agrees.
  it('of holds, cancels, payments and lapses leaves nothing behind', async () => {
    const date = dates.next();
    const users = await enterMany(suite, 40);
    await Promise.all(users.map((user) => user.charge(1000000)));
    const maps = [1, 2].map((n) => new SeatMap(client(suite, 'reservation', n), date.concert_id, date.date));
    const end = Date.now() + 3 * holdMs;
    const told = [];
    await Promise.all(users.map(async (user, i) => {
      while (Date.now() < end) {
        const seat_no = 1 + Math.floor(Math.random() * 15);
        const answer = await user.reserve({ ...date, seat_no });
        told.push(answer.status === 201 ? 201 : answer.body.code);
        if (answer.status !== 201) {
          await sleep(50 + Math.random() * 100);
          continue;
        }
        const fate = Math.random();
        if (fate < 0.4) expect(await user.cancel(answer.body), 204);
        else if (fate < 0.5 && i < 8) {
          const paid = await user.pay(answer.body);
          if (paid.status === 201) return;
        } else await sleep(holdMs + Math.random() * 200);
      }
    }));
    const codes = count(told, (each) => each);
    for (const code of Object.keys(codes))
      assert.ok(['201', 'SEAT_HELD', 'SEAT_SOLD', 'ONE_SEAT_PER_DATE'].includes(code), JSON.stringify(codes));
    assert.ok(codes[201] > 40, JSON.stringify(codes));
    await suite.audit();
    // The picture that readers were left with is the truth.
    const { dates: [truth] } = await call(client(suite, 'reservation'), 'GetOccupancy',
      { concert_id: date.concert_id, dates: [date.date] });
    const wanted = JSON.stringify(taken(truth));
    for (const map of maps) {
      await map.until((seen) => JSON.stringify(seen) === wanted, wanted);
      map.close();
    }
    assert.equal(await suite.ask('SELECT sum(deadlocks) FROM pg_stat_database'), '0');
  });

  it('keeps the history of every claim', async () => {
    const sum = "SELECT count(*) FILTER (WHERE status = 'EXPIRED') > 0 AND count(*) FILTER (WHERE status = 'CANCELLED') > 0 FROM reservation";
    assert.equal(await suite.ask(sum, 'RESERVATION_AUDIT_DB_URL'), 't');
  });
});
