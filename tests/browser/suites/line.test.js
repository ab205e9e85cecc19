// Two windows and one counter: one waits while the other buys. Holds are short here, so that they lapse.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Suite } from '../../e2e/support/suite.js';
import { Visitor, launch } from '../support/visitor.js';

let suite;
let browser;
let address;

before(async () => {
  const settings = { QUEUE_POLICY: 'counter', QUEUE_CAPACITY: '1', RESERVATION_HOLD_TTL_MS: '6000' };
  suite = await Suite.start(settings, { replicas: 1 });
  address = `${suite.gateways[0]}/`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await suite?.audit();
  await suite?.stop();
});

test('one waits while the other buys, and is let in by itself', async () => {
  const ann = await Visitor.open(browser, address);
  await ann.enter();
  const bob = await Visitor.open(browser, address);
  await bob.click('.hero .main');
  await bob.see('.waitView #position');
  assert.equal(await bob.text('#position'), '1');
  assert.equal(await bob.text('#ahead'), '0');
  const cid = await Visitor.open(browser, address, { locale: 'ko-KR' });
  await cid.click('.hero .main');
  await cid.see('.waitView #position');
  assert.equal(await cid.text('#position'), '2');
  await cid.isAccessible('waiting');
  await bob.page.reload();
  await bob.see('.waitView #position');
  assert.equal(await bob.text('#position'), '1', 'a reload keeps the place');

  await ann.chooseDate(0, 0);
  await ann.hold(1);
  await ann.charge();
  await ann.pay();
  await bob.see('.concertsView .poster');
  await cid.until(() => document.querySelector('#position')?.innerText === '1');
  await bob.click('#leave');
  await bob.see('.hero .main');
  await cid.see('.concertsView .poster');
  await cid.click('#leave');
  await cid.see('.hero .main');
  for (const visitor of [ann, bob, cid]) await visitor.close();
});

test('a hold lapses: the page says so, and the same seat can be chosen again', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(1, 0);
  await me.hold(3);
  assert.match(await me.text('#countdown'), /^0:0\d$/);
  await me.see('#lapsed');
  await me.isAccessible('lapsed');
  await me.click('#lapsed a');
  await me.see(`${me.seat(3)}.available`);
  await me.hold(3);
  await me.charge();
  await me.pay();
  await me.close();
});
