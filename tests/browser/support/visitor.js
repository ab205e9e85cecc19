// Somebody at a screen: what they do on the page, and what they must never meet.
import assert from 'node:assert/strict';
import AxeBuilder from '@axe-core/playwright';
import { chromium } from 'playwright-core';

export const phone = { width: 360, height: 740 };
export const desk = { width: 1100, height: 760 };
const limitMs = 60000;

export function launch() {
  // Chromium's sandbox cannot be had by root; the pages are our own.
  const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...args, '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

export class Visitor {
  // A window of their own: nothing is shared with other visitors.
  static async open(browser, address, { locale = 'en-US', viewport = desk, colorScheme = 'light' } = {}) {
    const visitor = new Visitor();
    visitor.context = await browser.newContext({ locale, viewport, colorScheme });
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(limitMs);
    visitor.faults = [];
    visitor.page.on('pageerror', (error) => visitor.faults.push(`error: ${error.message}`));
    visitor.page.on('console', (message) => {
      // The browser's own line for each refused request is no fault of the page; everything else said aloud is.
      const isRefusal = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isRefusal) visitor.faults.push(`console: ${message.text()}`);
    });
    visitor.page.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(address).origin) visitor.faults.push(`foreign host: ${request.url()}`);
    });
    await visitor.page.goto(address);
    return visitor;
  }
  async close() {
    assert.deepEqual(this.faults, []);
    await this.context.close();
  }

  see(selector) {
    return this.page.locator(selector).first().waitFor();
  }
  text(selector) {
    return this.page.locator(selector).first().innerText();
  }
  click(selector) {
    return this.page.locator(selector).first().click();
  }
  seat(n) {
    return `[role=gridcell][data-seat="${n}"]`;
  }
  // Waits until the page itself says so.
  until(check, value) {
    return this.page.waitForFunction(check, value);
  }

  async enter() {
    await this.click('.hero .main');
    await this.see('.concertsView .poster');
  }
  async chooseDate(concert, date) {
    await this.page.locator('.poster').nth(concert).click();
    await this.see('.datesView .date');
    await this.page.locator('.date').nth(date).click();
    await this.see('[role=gridcell]');
  }
  async hold(n) {
    await this.click(this.seat(n));
    await this.click('.panel button.main');
    await this.see('.till');
  }
  async charge(amount) {
    if (amount !== undefined) await this.page.fill('#amount', String(amount));
    const before = await this.text('#wallet');
    await this.click('form.charge button');
    await this.until((was) => document.querySelector('#wallet').innerText !== was, before);
  }
  async pay() {
    await this.click('#pay');
    await this.see('.ticketView .ticket');
  }

  // By keyboard alone: Tab until it has the focus.
  async tabTo(selector, tabsMax = 60) {
    await this.see(selector);
    for (let i = 0; i < tabsMax; i++) {
      if (await this.page.evaluate((s) => document.activeElement?.matches(s) ?? false, selector)) return;
      await this.page.keyboard.press('Tab');
    }
    assert.fail(`no Tab leads to ${selector}`);
  }
  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }
  focused() {
    return this.page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
  }

  // No rule of WCAG 2.2 AA that axe knows is broken, and nothing sticks out sideways.
  async isAccessible(where) {
    const { violations } = await new AxeBuilder({ page: this.page }).exclude('.art')
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
    const said = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((node) => node.html).join(' ')}`);
    assert.deepEqual(said, [], where);
    await this.fits(where);
  }
  async fits(where) {
    const [wide, room] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= room, `${where}: ${wide} px wide in ${room}`);
  }
}
