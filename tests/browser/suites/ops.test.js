// The operator's page: what it shows is what is, and what it sets holds.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Suite } from '../../e2e/support/suite.js';
import { Visitor, desk, launch, phone } from '../support/visitor.js';

const secret = 'a-secret-of-this-test-alone-0123456789';
let suite;
let browser;
let address;
let folder;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'boxoffice-ops-'));
  await chmod(folder, 0o755);
  suite = await Suite.start({ QUEUE_POLICY: 'counter', QUEUE_CAPACITY: '2', GATEWAY_ADMIN_SECRET: secret, GATEWAY_AUDIT_FILE: path.join(folder, 'audit.json') }, { replicas: 1 });
  address = `${suite.gateways[0]}/`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await suite?.audit();
  await suite?.stop();
  if (folder) await rm(folder, { recursive: true });
});

async function operator(look) {
  const me = await Visitor.open(browser, address, look);
  await me.page.goto(`${address}ops`);
  await me.page.fill('#secret', secret);
  await me.click('form button');
  await me.see('.policy');
  return me;
}
const shows = (me, selector, text) => me.page.locator(selector, { hasText: text }).first().waitFor();

test('a wrong secret shows nothing but a refusal', async () => {
  const me = await Visitor.open(browser, address);
  await me.page.goto(`${address}ops`);
  await me.see('#secret');
  await me.isAccessible('the secret is asked for');
  await me.page.fill('#secret', 'not the secret of this suite');
  await me.click('form button');
  await me.see('[role=alert] strong');
  assert.equal(await me.page.locator('.policy').count(), 0);
  await me.close();
});

test('line, seats, payments and the audit as they are, and they move by themselves', async () => {
  const [ann, bob, cid] = await Promise.all([1, 2, 3].map(() => Visitor.open(browser, address)));
  await ann.enter();
  await ann.chooseDate(0, 0);
  await ann.hold(1);
  await ann.charge();
  await ann.pay();
  await bob.enter();
  await bob.chooseDate(0, 0);
  await bob.hold(2);
  const report = JSON.parse((await suite.admin('audit', '--json')).stdout);
  const tell = () => writeFile(path.join(folder, 'audit.json'), JSON.stringify(report));
  await tell();

  const me = await operator({ viewport: desk });
  await shows(me, '.history:has-text("Active") dd', '1');
  await shows(me, '.history:has-text("Waiting") dd', '0');
  await cid.enter();
  const dan = await Visitor.open(browser, address);
  await dan.click('.hero .main');
  await dan.see('#position');
  await shows(me, '.history:has-text("Active") dd', '2');
  await shows(me, '.history:has-text("Waiting") dd', '1');

  const row = await me.page.locator('tr:has-text("Winter Light")').first().locator('td').allInnerTexts();
  assert.deepEqual(row.slice(2, 6), ['1', '1', '48', '50'], 'held, sold, available, total');
  await shows(me, 'tr', /COMPLETED\s*1\s*₩150,000/);
  await shows(me, '.well', /All \d+ invariants hold\./);
  assert.equal(await me.page.locator('section:has-text("do not answer"):visible').count(), 0, 'all services answer');
  await me.isAccessible('operations');

  report.invariants[2].violations = 3;
  await tell();
  await shows(me, '.paused', /1 of \d+ invariants are violated\./);

  await bob.click('#give-back');
  await bob.click('#leave');
  await dan.see('.concertsView .poster');
  for (const visitor of [dan, cid]) await visitor.click('#leave');
  for (const visitor of [ann, bob, cid, dan, me]) await visitor.close();
});

test('pausing stops the line, resuming moves it, and a policy is set while it runs', async () => {
  const me = await operator({ viewport: phone, colorScheme: 'dark' });
  await me.isAccessible('operations on a phone');
  await me.click('button:has-text("Pause")');
  await shows(me, '.paused', 'Paused: nobody is admitted.');
  const ann = await Visitor.open(browser, address);
  await ann.click('.hero .main');
  await ann.see('#position');
  await me.click('button:has-text("Resume")');
  await ann.see('.concertsView .poster');

  await me.page.selectOption('#main-kind', 'both');
  await me.page.fill('#main-capacity', '1');
  await me.page.fill('#main-admit_batch', '7');
  await me.click('button:has-text("Set policy")');
  const bob = await Visitor.open(browser, address);
  await bob.click('.hero .main');
  await bob.see('#position');
  assert.match((await suite.admin('queue', 'main')).stdout, /both[^]*7/);
  await me.page.fill('#main-capacity', '0');
  await me.page.evaluate(() => document.querySelector('#main-capacity').removeAttribute('min'));
  await me.click('button:has-text("Set policy")');
  await me.see('[role=alert] strong');
  await ann.click('#leave');
  await bob.see('.concertsView .poster');
  await bob.click('#leave');
  await me.click('#frame button');
  await me.see('#secret');
  for (const visitor of [ann, bob, me]) await visitor.close();
});
