// The whole purchase as people do it: in both languages, on a desk and a phone, by keyboard alone, with reloads.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Suite } from '../../e2e/support/suite.js';
import { User } from '../../e2e/support/user.js';
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

// Rules are asked for twice, with all that may differ different; the other two must fit their screens.
const kinds = [
  ['in English', { locale: 'en-US' }, 1, 'The seat is yours', 'isAccessible'],
  ['in Korean', { locale: 'ko-KR' }, 2, '좌석을 구매했습니다', 'fits'],
  ['in English on a phone', { locale: 'en-US', viewport: phone }, 3, 'The seat is yours', 'fits'],
  ['in Korean on a phone in the dark', { locale: 'ko-KR', viewport: phone, colorScheme: 'dark' }, 4, '좌석을 구매했습니다', 'isAccessible'],
];
for (const [name, look, seatNo, ending, check] of kinds)
  test(`from the line to the ticket ${name}: no view breaks a rule of accessibility or its screen`, async () => {
    const me = await Visitor.open(browser, address, look);
    await me.see('.hero h1');
    await me[check]('welcome');
    await me.enter();
    await me[check]('concerts');
    await me.page.locator('.poster').first().click();
    await me.see('.datesView .date');
    await me[check]('dates');
    await me.page.locator('.date').first().click();
    await me.see('[role=gridcell]');
    await me.click(me.seat(seatNo));
    await me[check]('seats');
    await me.click('.panel button.main');
    await me.see('form.charge');
    await me[check]('too little money');
    await me.charge();
    await me[check]('ready to pay');
    await me.pay();
    assert.equal(await me.text('h1'), ending);
    await me[check]('ticket');
    await me.click('a[href="#/tickets"]');
    await me.see('.ticketsView .ticket');
    await me[check]('tickets');
    await me.click('.brand');
    await me.see('.endedView h1');
    await me[check]('ended');
    await me.close();
  });

// Somebody has it, whether or not the purchases above were run.
async function sellFirstSeat() {
  const other = await new User(suite).enter();
  const { concert_id } = (await other.concerts())[0];
  const { date } = (await other.dates(concert_id))[0];
  const { status, body: reservation } = await other.reserve({ concert_id, date, seat_no: 1 });
  if (status !== 201) return other.leave();
  await other.charge(reservation.price);
  return other.pay(reservation);
}

test('by keyboard alone', async () => {
  await sellFirstSeat();
  const me = await Visitor.open(browser, address);
  await me.tabTo('.hero .main');
  await me.press('Enter');
  await me.tabTo('.poster');
  await me.press('Enter');
  await me.tabTo('.date');
  await me.press('Enter');
  await me.see('[role=gridcell]');
  const where = me.page.url();
  await me.page.evaluate(() => document.querySelector('h1').blur());
  await me.tabTo('.skip');
  await me.press('Enter');
  assert.equal(await me.page.evaluate(() => document.activeElement?.id), 'view', 'skipped to the content');
  assert.equal(me.page.url(), where, 'of the same view');
  await me.tabTo('[role=gridcell]');
  assert.match(await me.focused(), /^Seat 1, /);
  await me.press('ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft');
  assert.match(await me.focused(), /^Seat 12, /);
  await me.press('End');
  assert.match(await me.focused(), /^Seat 20, /);
  await me.press('ArrowRight');
  assert.match(await me.focused(), /^Seat 20, /, 'a row ends where it ends');
  await me.press('Control+Home');
  // Sold seats are there for those who only hear the map.
  assert.match(await me.focused(), /^Seat 1, ₩150,000, sold$/);
  await me.press('Enter');
  assert.equal(await me.page.locator('.panel button.main').count(), 0, 'a sold seat cannot be chosen');
  await me.press('ArrowDown', 'Enter');
  // One tab stop: the next one is out of the map.
  await me.press('Tab');
  assert.equal(await me.page.evaluate(() => document.activeElement?.closest('[role=grid]')), null);
  await me.tabTo('.panel button.main');
  await me.press('Enter');
  await me.tabTo('#amount');
  await me.press('Enter');
  await me.tabTo('#pay');
  await me.press('Enter');
  await me.see('.ticketView .ticket');
  assert.equal(await me.focused(), 'The seat is yours');
  await me.close();
});

test('a reload anywhere, and the story goes on', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  const reload = async (selector) => {
    await me.page.reload();
    await me.see(selector);
  };
  await reload('.concertsView .poster');
  await me.chooseDate(1, 0);
  await reload('[role=gridcell]');
  await me.hold(7);
  await reload('.till #wallet');
  await me.charge();
  await reload('#pay');
  await me.page.goto(`${address}#/`);
  await me.chooseDate(1, 0);
  await me.see(`${me.seat(7)}.mine`);
  await me.click('.panel a.main');
  await me.see('#pay');
  await me.pay();
  await reload('.ticketView .ticket');
  await me.close();
});

test('the language changes in the middle', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  assert.equal(await me.text('h1'), 'Choose a concert');
  await me.click('button[lang=ko]');
  await me.until(() => document.querySelector('h1')?.innerText === '공연 선택');
  assert.equal(await me.page.locator('html').getAttribute('lang'), 'ko');
  await me.page.reload();
  await me.until(() => document.querySelector('h1')?.innerText === '공연 선택');
  await me.close();
});

test('a seat that another takes vanishes live, and the loser is told what to do', async () => {
  const [ann, bob] = await Promise.all([Visitor.open(browser, address), Visitor.open(browser, address)]);
  for (const visitor of [ann, bob]) {
    await visitor.enter();
    await visitor.chooseDate(2, 0);
  }
  // The stream, not the next look, tells it.
  await bob.until(() => document.querySelector('.house .live').innerText === 'The map is live.');
  await bob.click(bob.seat(10));
  await bob.see('.panel button.main');
  await ann.hold(10);
  await bob.see(`${bob.seat(10)}.held`);
  assert.match(await bob.text('.panel .note'), /Seat 10 was just taken\. Choose another one\./);
  assert.match(await bob.page.locator(bob.seat(10)).getAttribute('aria-label'), /held by someone$/);
  await ann.charge();
  await ann.pay();
  await bob.see(`${bob.seat(10)}.sold`);
  await bob.hold(11);
  await bob.close();
  await ann.close();
});

test('a seat is given back, and is free for others at once', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(2, 1);
  await me.hold(5);
  await me.click('#give-back');
  await me.see(`${me.seat(5)}.available`);
  await me.close();
});

test('too little money: the page says how much is missing, and goes on when it is there', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(2, 2);
  await me.hold(1);
  const won = (text) => Number(text.replace(/\D/g, ''));
  const price = won(await me.text('.bill dd'));
  await me.charge(1000);
  assert.equal(won(await me.text('.till .note')), price - 1000);
  assert.equal(await me.page.locator('#pay').count(), 0);
  await me.charge();
  await me.pay();
  await me.close();
});

test('a refusal of the server is shown in words, with what to do next', async () => {
  const me = await Visitor.open(browser, address, { locale: 'ko-KR' });
  await me.enter();
  await me.chooseDate(2, 3);
  await me.hold(1);
  await me.page.evaluate(() => document.querySelector('#amount').removeAttribute('max'));
  await me.page.fill('#amount', '10000001');
  await me.click('form.charge button');
  await me.see('[role=alert] strong');
  assert.equal(await me.text('[role=alert] strong'), '1회 충전 한도를 벗어난 금액입니다.');
  assert.match(await me.text('[role=alert] p'), /나누어 충전/);
  await me.isAccessible('refusal');
  await me.close();
});

test('where no stream can be had, the map is read again and again', async () => {
  const [ann, bob] = await Promise.all([Visitor.open(browser, address), Visitor.open(browser, address)]);
  await bob.page.route(/\/events$/, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"OVERLOADED"}' }));
  for (const visitor of [ann, bob]) {
    await visitor.enter();
    await visitor.chooseDate(2, 4);
  }
  assert.match(await bob.text('.house .live'), /every two seconds/);
  await bob.page.waitForResponse((response) => response.url().includes('/seats') && response.status() === 304);
  await ann.hold(33);
  await bob.see(`${bob.seat(33)}.held`);
  await ann.click('#give-back');
  await bob.see(`${bob.seat(33)}.available`);
  await ann.close();
  await bob.close();
});

test('a payment whose answer is lost is asked for again, and paid once', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(2, 5);
  await me.hold(1);
  await me.charge(500000);
  const price = 77000;
  const keys = [];
  await me.page.route('**/v1/payments', async (route) => {
    keys.push(await route.request().headerValue('idempotency-key'));
    const response = await route.fetch();
    if (keys.length === 1) await route.abort('connectionreset');
    else await route.fulfill({ response });
  });
  const again = me.page.waitForResponse((response) => response.url().endsWith('/v1/payments') && response.status() === 201);
  await me.pay();
  assert.equal((await again).headers()['idempotent-replayed'], 'true');
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.match(await me.text('.ticket .facts dd'), /₩77,000/);
  const [id, token] = await me.page.evaluate(() => [localStorage['boxoffice.user'], localStorage['boxoffice.token']]);
  const response = await fetch(`${address}v1/users/${id}/transactions`, { headers: { authorization: `Bearer ${token}` } });
  const { transactions } = await response.json();
  assert.deepEqual(transactions.map(({ amount }) => Math.abs(amount)).sort(), [500000, price]);
  await me.close();
});

test('a payment whose answer never comes: after a reload there is the ticket', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(2, 8);
  await me.hold(1);
  await me.charge();
  await me.page.route('**/v1/payments', async (route) => {
    if (route.request().method() === 'POST') await route.fetch();
    await route.abort('connectionreset');
  });
  const asked = me.page.waitForEvent('requestfailed', (request) => request.url().endsWith('/v1/payments'));
  await me.click('#pay');
  await asked;
  await me.page.unroute('**/v1/payments');
  await me.page.goto(`${address}`);
  await me.page.goBack();
  await me.see('.ticketView .ticket');
  await me.close();
});

test('without a connection the page says so, and goes on when it is back', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(2, 6);
  await me.click(me.seat(9));
  await me.context.setOffline(true);
  await me.click('.panel button.main');
  await me.see('[role=alert] strong');
  assert.match(await me.text('[role=alert] p'), /no connection/);
  await me.context.setOffline(false);
  await me.click('.panel button.main');
  await me.see('.till');
  await me.click('#give-back');
  await me.see(me.seat(9));
  await me.close();
});

test('spent in another tab meanwhile: the refusal shows what is missing', async () => {
  const me = await Visitor.open(browser, address);
  await me.enter();
  await me.chooseDate(2, 7);
  await me.hold(2);
  await me.charge();
  // What a second device would have done between looking and paying.
  await me.page.route('**/v1/payments', (route) => route.fulfill({ status: 402, contentType: 'application/problem+json', body: '{"title":"The balance is too low.","code":"INSUFFICIENT_BALANCE"}' }));
  await me.click('#pay');
  await me.see('[role=alert] strong');
  assert.match(await me.text('[role=alert] p'), /Charge your wallet/);
  await me.page.unroute('**/v1/payments');
  await me.pay();
  await me.close();
});
