// Two windows and one counter: one waits while the other buys; turns and holds that run out.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Suite } from '../../e2e/support/suite.js';
import { Visitor, launch } from '../support/visitor.js';

let suite;
let browser;
let address;

before(async () => {
  suite = await Suite.start({ QUEUE_POLICY: 'counter', QUEUE_CAPACITY: '1' }, { replicas: 1 });
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

test('a turn that runs out says so, keeps the tickets, and leads back into the line', async () => {
  const me = await Visitor.open(browser, address);
  const { code, stderr } = await suite.admin('policy', 'main', 'counter', 'capacity=1', 'active_ttl_ms=4000');
  assert.equal(code, 0, stderr);
  await me.enter();
  await me.chooseDate(1, 1);
  await me.see('.endedView h1');
  await me.isAccessible('ended');
  assert.equal(await me.text('h1'), 'Your turn is over');
  await suite.admin('policy', 'main', 'counter', 'capacity=1', 'active_ttl_ms=600000');
  await me.click('.endedView .main');
  await me.see('[role=gridcell]');
  await me.click('#leave');
  await me.see('.hero .main');
  await me.close();
});

test('a hold lapses: the page says so by itself, and the same seat can be held again', async () => {
  suite.signal('RESERVATION_1', 'SIGTERM');
  await suite.untilGone('RESERVATION_1');
  await suite.up({ RESERVATION_HOLD_TTL_MS: '5000' });
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(1, 0);
  const hold = async () => {
    await me.click(me.seat(3));
    await me.click('.panel button.main');
    // A slow machine may see the end of it only.
    await me.see('#countdown, #lapsed');
  };
  await hold();
  await me.see('#lapsed');
  await me.isAccessible('lapsed');
  await me.click('#lapsed a');
  await me.see(`${me.seat(3)}.available`);
  await hold();
  await me.click('#leave');
  await me.see('.hero .main');
  await me.close();
});

test('where a sign-in is needed, the site that has it leads here with it, and nobody else gets in', async () => {
  const key = 'what-the-site-and-the-gateway-share-0123456789';
  suite.signal('GATEWAY_1', 'SIGTERM');
  await suite.untilGone('GATEWAY_1');
  await suite.up({ IDENTITY_MODE: 'jwt', IDENTITY_SECRET: key });
  const part = (of) => Buffer.from(JSON.stringify(of)).toString('base64url');
  const sub = randomUUID();
  const said = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, exp: Math.floor(Date.now() / 1000) + 600 })}`;
  const jwt = `${said}.${createHmac('sha256', key).update(said).digest('base64url')}`;

  const stranger = await Visitor.open(browser, address);
  await stranger.click('.hero .main');
  await stranger.see('[role=alert] strong');
  assert.match(await stranger.text('[role=alert] p'), /Sign in on the site that led you here/);
  await stranger.close();

  const me = await Visitor.open(browser, `${address}#identity=${jwt}`);
  await me.see('.hero .main');
  assert.ok(!me.page.url().includes('identity'));
  assert.match(await me.text('.guest'), new RegExp(sub.slice(0, 8)));
  await me.enter();
  await me.page.reload();
  await me.see('.concertsView .poster');
  await me.click('#leave');
  await me.see('.hero .main');
  await me.close();
});
