// What is said: in both languages alike, and for each refusal what to do next.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { storage } from './browser.mjs';
import { countdown, dayNumber, language, money, setLanguage, shortMoney, text } from '../../../web/public/assets/text.js';

function inLanguage(code) {
  setLanguage(code);
  return text();
}

test('Korean says all that English says, and says it in Korean', () => {
  const [en, ko] = [inLanguage('en'), inLanguage('ko')];
  const compare = (a, b, where) => {
    assert.equal(typeof b, typeof a, where);
    if (typeof a === 'object') {
      assert.deepEqual(Object.keys(b), Object.keys(a), where);
      for (const key of Object.keys(a)) compare(a[key], b[key], `${where}.${key}`);
      return;
    }
    const said = typeof b === 'function' ? b(3, 50) : b;
    assert.notEqual(said, typeof a === 'function' ? a(3, 50) : a, where);
    assert.match(said, /[가-힣]/, where);
  };
  compare(en, ko, 'text');
});

test('each refusal that people can do something about has its own words of what to do next', () => {
  const statuses = readFileSync(new URL('../../../lib/base/status.def', import.meta.url), 'utf8');
  const known = new Set([...statuses.matchAll(/^STATUS\((\w+),/gm)].map(([, code]) => code));
  const { next } = inLanguage('en');
  for (const code of Object.keys(next))
    assert.ok(known.has(code) || ['NETWORK', 'other'].includes(code), `there is no ${code}`);
  for (const code of ['TOKEN_EXPIRED', 'NOT_YOUR_TURN', 'SEAT_HELD', 'SEAT_SOLD', 'ONE_SEAT_PER_DATE', 'HOLD_EXPIRED', 'INSUFFICIENT_BALANCE', 'CHARGE_LIMIT', 'BALANCE_LIMIT', 'RATE_LIMITED'])
    assert.ok(next[code], code);
});

test('the language is the chosen one, else the browser\'s, else English', () => {
  storage.clear();
  const browser = (of) => Object.defineProperty(globalThis, 'navigator', { value: { language: of }, configurable: true });
  for (const [of, is] of [['ko-KR', 'ko'], ['ko', 'ko'], ['en-GB', 'en'], ['fr-FR', 'en']]) {
    browser(of);
    assert.equal(language(), is, of);
  }
  setLanguage('ko');
  assert.equal(language(), 'ko');
});

test('money and countdowns', () => {
  setLanguage('en');
  assert.equal(money(1234567), '₩1,234,567');
  assert.equal(shortMoney(150000), '150K');
  setLanguage('ko');
  assert.equal(money(0), '₩0');
  assert.equal(shortMoney(150000), '15만');
  for (const [ms, is] of [[300000, '5:00'], [299600, '5:00'], [61000, '1:01'], [9400, '0:09'], [0, '0:00'], [-5000, '0:00'], [3600000, '60:00']])
    assert.equal(countdown(ms), is, `${ms}`);
  assert.equal(dayNumber('2026-12-06'), '6');
});
