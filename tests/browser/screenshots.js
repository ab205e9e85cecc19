// Takes the pictures of docs/screenshots anew, over a suite of its own: node tests/browser/screenshots.js
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Suite, run, sourceDir } from '../e2e/support/suite.js';
import { User } from '../e2e/support/user.js';
import { makeHall } from './support/halls.js';
import { Visitor, desk, launch, phone } from './support/visitor.js';

const folder = path.join(sourceDir, 'docs/screenshots');
const crowd = 24; // in front of whoever waits in the picture

async function take(visitor, name) {
  await visitor.page.mouse.move(0, 0);
  // Fonts and transitions have settled when two frames in a row were painted.
  await visitor.page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  const file = path.join(folder, `${name}.png`);
  await visitor.page.screenshot({ path: file, animations: 'disabled' });
  // A third of the size, where the program is there.
  await run('pngquant', ['--force', '--skip-if-larger', '--output', file, '192', file]);
}

// A hall in which others were faster: some seats held, some sold.
async function fill(suite, seatsSold, seatsHeld) {
  const guest = await new User(suite).enter();
  const { concert_id } = (await guest.concerts())[0];
  const { date } = (await guest.dates(concert_id))[0];
  await guest.leave();
  for (const seat_no of [...seatsSold, ...seatsHeld]) {
    const user = await new User(suite).enter();
    const { body: reservation } = await user.reserve({ concert_id, date, seat_no });
    if (seatsHeld.includes(seat_no)) continue;
    await user.charge(reservation.price);
    await user.pay(reservation);
  }
}

async function story(browser, address, name, look, seatNo) {
  const me = await Visitor.open(browser, address, look);
  await me.see('.hero');
  await take(me, `${name}-welcome`);
  await me.enter();
  await take(me, `${name}-concerts`);
  await me.page.locator('.poster').first().click();
  await me.see('.datesView .date');
  await take(me, `${name}-dates`);
  await me.click('.date');
  await me.see('[role=gridcell]');
  await me.click(me.seat(seatNo));
  await me.see('.panel button.main');
  await take(me, `${name}-seats`);
  await me.click('.panel button.main');
  await me.see('.till');
  await me.charge();
  await take(me, `${name}-pay`);
  await me.pay();
  await me.until(() => document.querySelector('#turn') === null);
  await take(me, `${name}-ticket`);
  if (name === 'desk') {
    await me.page.goto(`${address}#/`);
    await me.see('.endedView h1');
    await take(me, 'desk-ended');
    await me.page.goto(`${address}docs#reserve`);
    await me.see('#reserve');
    await take(me, 'desk-docs');
  }
  await me.close();
}

async function waiting(suite, browser, address, look) {
  const me = await Visitor.open(browser, address, look);
  for (let i = 0; i < crowd; i++) await new User(suite).join();
  await me.click('.hero .main');
  await me.see('.waitView #position');
  await take(me, 'desk-waiting');
  await me.close();
}

async function large(suite, browser, address) {
  const me = await Visitor.open(browser, address, { viewport: desk, colorScheme: 'dark' });
  const hall = await makeHall(suite, 'Open Air', 1200);
  await me.enter();
  await me.page.goto(`${address}${hall}`);
  await me.see('[role=gridcell]');
  await me.click(me.seat(75));
  await take(me, 'desk-large-hall');
  await me.close();
}

async function operations(browser, address, secret) {
  const me = await Visitor.open(browser, address, { viewport: { ...desk, height: 1000 } });
  await me.page.goto(`${address}ops`);
  await me.page.fill('#secret', secret);
  await me.click('form button');
  await me.see('.policy');
  // Some looks, so that the histories are lines.
  await me.page.waitForTimeout(20000);
  await take(me, 'desk-ops');
  await me.close();
}

const secret = 'only-for-the-pictures-0123456789abcdef';
await mkdir(folder, { recursive: true });
const suite = await Suite.start({ QUEUE_POLICY: 'counter', QUEUE_CAPACITY: '12', GATEWAY_ADMIN_SECRET: secret }, { replicas: 1 });
const browser = await launch();
try {
  const address = `${suite.gateways[0]}/`;
  await fill(suite, [3, 4, 5, 14, 15, 27, 28, 36], [6, 16, 17]);
  await story(browser, address, 'desk', { viewport: desk }, 25);
  await story(browser, address, 'phone', { viewport: phone, locale: 'ko-KR', colorScheme: 'dark' }, 13);
  await large(suite, browser, address);
  await waiting(suite, browser, address, { viewport: desk });
  await operations(browser, address, secret);
} finally {
  await browser.close();
  await suite.stop();
}
