// How a hall of any size is laid out, and where a key leads in it. Pure.

/**
 * Seats in a row: as the hall is, or fewer where the screen is narrow and the hall small.
 * @param {number} seats
 * @param {boolean} narrow
 */
export function columnsFor(seats, narrow) {
  if (seats <= 100) return narrow ? 5 : 10;
  if (seats <= 600) return 20;
  if (seats <= 1500) return 30;
  return 50;
}
/** @typedef {'roomy' | 'dense'} Density whether a seat has room for its price @param {number} seats @returns {Density} */
export function densityFor(seats) {
  return seats <= 100 ? 'roomy' : 'dense';
}

/**
 * Where a key leads from the seat at `at` of `count`; undefined when it leads nowhere.
 * @param {{ key: string, ctrlKey?: boolean }} event
 * @param {number} at
 * @param {number} count
 * @param {number} columns
 * @returns {number | undefined}
 */
export function keyMove({ key, ctrlKey = false }, at, count, columns) {
  const rowStart = at - (at % columns);
  const rowEnd = Math.min(rowStart + columns, count) - 1;
  const inHall = (/** @type {number} */ to) => (to >= 0 && to < count ? to : at);
  switch (key) {
    case 'ArrowLeft': return Math.max(at - 1, rowStart);
    case 'ArrowRight': return Math.min(at + 1, rowEnd);
    case 'ArrowUp': return inHall(at - columns);
    case 'ArrowDown': return inHall(at + columns);
    case 'PageUp': return inHall(at - columns * 5) === at ? at % columns : at - columns * 5;
    case 'PageDown': return inHall(at + columns * 5) === at ? lastOfColumn(at, count, columns) : at + columns * 5;
    case 'Home': return ctrlKey ? 0 : rowStart;
    case 'End': return ctrlKey ? count - 1 : rowEnd;
    default: return undefined;
  }
}
/** @param {number} at @param {number} count @param {number} columns */
function lastOfColumn(at, count, columns) {
  const steps = Math.floor((count - 1 - at) / columns);
  return at + steps * columns;
}

/** @typedef {{ seat_no: number, price: number, status: string }} Seat */
/** @typedef {{ price: number, first: number, last: number, free: number, firstFree: number, tier: number }} Tier */

/**
 * Runs of seats of one price, in the order of their numbers. `tier` counts prices from the dearest.
 * @param {Iterable<Seat>} seats
 * @returns {Tier[]}
 */
export function tiersOf(seats) {
  const sorted = [...seats].sort((a, b) => a.seat_no - b.seat_no);
  const prices = [...new Set(sorted.map((seat) => seat.price))].sort((a, b) => b - a);
  /** @type {Tier[]} */
  const tiers = [];
  for (const seat of sorted) {
    let tier = tiers.at(-1);
    if (tier === undefined || tier.price !== seat.price) {
      tier = { price: seat.price, first: seat.seat_no, last: seat.seat_no, free: 0, firstFree: 0, tier: prices.indexOf(seat.price) };
      tiers.push(tier);
    }
    tier.last = seat.seat_no;
    if (seat.status !== 'AVAILABLE') continue;
    tier.free += 1;
    if (tier.firstFree === 0) tier.firstFree = seat.seat_no;
  }
  return tiers;
}
