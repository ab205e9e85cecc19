// Halls of other sizes, the reference, and the diagrams of our documents.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Suite, sourceDir } from '../../e2e/support/suite.js';
import { diagrams } from '../support/diagrams.js';
import { makeHall } from '../support/halls.js';
import { Visitor, launch, phone } from '../support/visitor.js';

let suite;
let browser;
let address;

before(async () => {
  suite = await Suite.start({}, { replicas: 1 });
  address = `${suite.gateways[0]}/`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await suite?.audit();
  await suite?.stop();
});

async function inHall(hall, look) {
  const me = await Visitor.open(browser, address, look);
  await me.enter();
  await me.page.goto(`${address}${hall}`);
  await me.see('[role=gridcell]');
  return me;
}
const focusedSeat = (me) => me.page.evaluate(() => Number(document.activeElement?.getAttribute('data-seat')));

test('a hall of 240 seats on a phone: it scrolls inside its own frame, and breaks no rule of accessibility', async () => {
  const me = await inHall(await makeHall(suite, 'Two Hundred and Forty', 240), { viewport: phone, locale: 'ko-KR' });
  assert.equal(await me.page.locator('[role=gridcell]').count(), 240);
  await me.isAccessible('dense map');
  const [wide, room] = await me.page.evaluate(() => {
    const scroller = document.querySelector('.scroller');
    return [scroller.scrollWidth, scroller.clientWidth];
  });
  assert.ok(wide > room, 'the map is wider than the phone, and scrolls');
  // By price, without looking for a free seat among many.
  await me.page.locator('.tiers button').nth(1).click();
  assert.equal(await focusedSeat(me), 81);
  assert.match(await me.text('.pick'), /81번 좌석/);
  await me.click('.panel button.main');
  await me.see('.till');
  await me.charge();
  await me.pay();
  await me.close();
});

test('a hall of 5,000 seats: one tab stop, and every seat is reached by keys', async () => {
  const me = await inHall(await makeHall(suite, 'Five Thousand', 5000));
  assert.equal(await me.page.locator('[role=gridcell]').count(), 5000);
  assert.equal(await me.page.locator('[role=gridcell][tabindex="0"]').count(), 1);
  await me.tabTo('[role=gridcell]');
  assert.equal(await focusedSeat(me), 1);
  await me.press('PageDown', 'ArrowRight');
  assert.equal(await focusedSeat(me), 252);
  await me.press('Control+End');
  assert.equal(await focusedSeat(me), 5000);
  await me.press('Enter');
  assert.match(await me.text('.pick'), /Seat 5000\s*₩40,000/);
  const frame = await me.page.locator(me.seat(5000)).boundingBox();
  assert.ok(frame.width >= 24 && frame.height >= 24, `a finger finds it: ${frame.width} x ${frame.height}`);
  await me.close();
});

test('a concert with a line of its own is joined from the list, or where its address leads to a refusal', async () => {
  const hall = await makeHall(suite, 'A Line of Its Own', 20, { queue: 'own' });
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.click('button.poster:has-text("A Line of Its Own")');
  await me.see('.datesView .date');
  await me.click('.date');
  await me.hold(7);
  await me.charge();
  await me.pay();
  await me.close();

  const guest = await Visitor.open(browser, address);
  await guest.enter();
  await guest.page.goto(`${address}${hall}`);
  await guest.click('[role=alert] button:has-text("Join that line")');
  await guest.see(`${guest.seat(7)}.sold`);
  await guest.close();
});

test('the reference draws every operation and schema of the document', async () => {
  const document = JSON.parse(await readFile(path.join(sourceDir, 'web/openapi.json'), 'utf8'));
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item).map((one) => one.operationId).filter(Boolean));
  for (const look of [{}, { viewport: phone, colorScheme: 'dark' }]) {
    const me = await Visitor.open(browser, address, look);
    await me.page.goto(`${address}docs#reserve`);
    await me.see('#reserve h3');
    const ids = new Set(await me.page.locator('.operation').evaluateAll((all) => all.map(({ id }) => id)));
    for (const name of [...operations, ...Object.keys(document.components.schemas)]) assert.ok(ids.has(name), name);
    if (look.viewport === phone) await me.isAccessible('docs');
    else await me.fits('docs');
    await me.close();
  }
});

test('every diagram of our documents can be drawn', async () => {
  const page = await browser.newPage();
  await page.addScriptTag({ path: path.join(sourceDir, 'tests/browser/node_modules/mermaid/dist/mermaid.min.js') });
  const all = diagrams();
  assert.ok(all.length >= 10);
  for (const [i, { name, code }] of all.entries()) {
    const fault = await page.evaluate(async ([id, text]) => {
      try {
        const { svg } = await globalThis.mermaid.render(id, text);
        return svg.includes('<svg') ? '' : 'nothing was drawn';
      } catch (error) {
        return error.message;
      }
    }, [`diagram-${i}`, code]);
    assert.equal(fault, '', name);
  }
  await page.close();
});
