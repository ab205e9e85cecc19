// How halls are laid out, where keys lead, and prices as ranges of seats.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import './browser.mjs';
import { dice, seedOf } from '../../../web/public/assets/art.js';
import { columnsFor, densityFor, keyMove, tiersOf } from '../../../web/public/assets/grid.js';

test('a hall has as many columns as it needs, and few on a narrow screen while it is small', () => {
  //  seats, narrow, columns, density
  for (const [seats, narrow, columns, density] of [
    [1, false, 10, 'roomy'], [50, false, 10, 'roomy'], [50, true, 5, 'roomy'], [100, true, 5, 'roomy'],
    [101, true, 20, 'dense'], [600, false, 20, 'dense'], [601, false, 30, 'dense'], [1500, false, 30, 'dense'],
    [1501, true, 50, 'dense'], [5000, false, 50, 'dense'],
  ]) {
    assert.equal(columnsFor(seats, narrow), columns, `${seats} ${narrow}`);
    assert.equal(densityFor(seats), density, `${seats}`);
  }
});

test('arrows stop at the walls, also in a last row that is not full', () => {
  // 23 seats in rows of 10: 0-9, 10-19, 20-22
  for (const [key, at, to] of [
    ['ArrowLeft', 0, 0], ['ArrowLeft', 10, 10], ['ArrowLeft', 11, 10], ['ArrowRight', 9, 9], ['ArrowRight', 21, 22], ['ArrowRight', 22, 22],
    ['ArrowUp', 5, 5], ['ArrowUp', 15, 5], ['ArrowDown', 2, 12], ['ArrowDown', 12, 22], ['ArrowDown', 13, 13], ['ArrowDown', 22, 22],
    ['Home', 15, 10], ['End', 15, 19], ['End', 20, 22], ['PageUp', 22, 2], ['PageUp', 15, 5], ['PageDown', 2, 22], ['PageDown', 3, 13],
  ]) assert.equal(keyMove({ key }, at, 23, 10), to, `${key} from ${at}`);
  assert.equal(keyMove({ key: 'Home', ctrlKey: true }, 15, 23, 10), 0);
  assert.equal(keyMove({ key: 'End', ctrlKey: true }, 3, 23, 10), 22);
});

test('a page of keys is five rows in a large hall', () => {
  assert.equal(keyMove({ key: 'PageDown' }, 7, 5000, 50), 257);
  assert.equal(keyMove({ key: 'PageUp' }, 257, 5000, 50), 7);
});

test('other keys belong to the browser', () => {
  for (const key of ['Tab', 'Escape', 'a', 'F5']) assert.equal(keyMove({ key }, 3, 50, 10), undefined, key);
});

test('prices become ranges of seats with what is free in them, counted from the dearest', () => {
  const seat = (seat_no, price, status = 'AVAILABLE') => ({ seat_no, price, status });
  const seats = [seat(4, 80), seat(1, 100, 'SOLD'), seat(2, 100), seat(3, 80, 'HELD'), seat(5, 100), seat(6, 100)];
  assert.deepEqual(tiersOf(seats), [
    { price: 100, first: 1, last: 2, free: 1, firstFree: 2, tier: 0 },
    { price: 80, first: 3, last: 4, free: 1, firstFree: 4, tier: 1 },
    { price: 100, first: 5, last: 6, free: 2, firstFree: 5, tier: 0 },
  ]);
  assert.deepEqual(tiersOf([seat(1, 5, 'SOLD')]), [{ price: 5, first: 1, last: 1, free: 0, firstFree: 0, tier: 0 }]);
  assert.deepEqual(tiersOf([]), []);
});

test('a poster is drawn from its concert alone, always the same', () => {
  const row = (seed) => Array.from({ length: 5 }, dice(seed));
  assert.deepEqual(row(seedOf('a')), row(seedOf('a')));
  assert.notDeepEqual(row(seedOf('a')), row(seedOf('b')));
  for (const n of row(seedOf('c'))) assert.ok(n >= 0 && n < 1);
});
