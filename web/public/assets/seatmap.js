// The map of a hall: an ARIA grid with one tab stop. Knows seats and which one is chosen, nothing of requests.
import { h, put } from './dom.js';
import { columnsFor, densityFor, keyMove } from './grid.js';
import { money, shortMoney, text } from './text.js';

/** @typedef {import('./api.js').schemas['Seat']} Seat */

export const marks = { AVAILABLE: '', HELD: '◷', SOLD: '✕' };

/** @param {Seat['status']} status */
function nameOf(status) {
  const t = text();
  return { AVAILABLE: t.free, HELD: t.held, SOLD: t.sold }[status];
}

export class SeatMap {
  /** @type {Map<number, Seat>} */
  seats = new Map();
  chosen = 0;
  own = 0;
  #focus = 0;
  #columns = 1;
  /** @type {number[]} in the order of the map */
  #numbers = [];
  /** @type {Map<number, HTMLElement>} */
  #cells = new Map();
  /** @type {Map<number, number>} which price a seat has, counted from the dearest */
  #tiers = new Map();

  /** @param {(seatNo: number) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.element = h('div', { role: 'grid', class: 'seatmap', 'aria-label': text().seatMap });
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
    this.element.addEventListener('click', (event) => {
      const cell = event.target instanceof Element ? event.target.closest('[data-seat]') : null;
      if (cell instanceof HTMLElement) this.#press(Number(cell.dataset.seat));
    });
  }

  /** Makes all rows anew. @param {boolean} narrow whether the screen is */
  lay(narrow) {
    this.#numbers = [...this.seats.keys()].sort((a, b) => a - b);
    this.#columns = columnsFor(this.#numbers.length, narrow);
    const prices = [...new Set([...this.seats.values()].map((seat) => seat.price))].sort((a, b) => b - a);
    this.#tiers = new Map([...this.seats].map(([seatNo, seat]) => [seatNo, Math.min(prices.indexOf(seat.price), 4)]));
    if (!this.#cells.has(this.#focus)) this.#focus = this.own || this.#numbers[0] || 0;
    this.#cells.clear();
    this.element.className = `seatmap ${densityFor(this.#numbers.length)} of-${this.#columns}`;
    const rows = [];
    for (let at = 0; at < this.#numbers.length; at += this.#columns) {
      const row = h('div', { role: 'row' });
      for (const seatNo of this.#numbers.slice(at, at + this.#columns)) {
        const cell = h('div', { role: 'gridcell', 'data-seat': seatNo });
        this.#cells.set(seatNo, cell);
        row.append(cell);
      }
      rows.push(row);
    }
    for (const seatNo of this.#numbers) this.draw(seatNo);
    this.element.replaceChildren(...rows);
  }

  /** @param {number} seatNo */
  draw(seatNo) {
    const cell = this.#cells.get(seatNo);
    const seat = this.seats.get(seatNo);
    if (cell === undefined || seat === undefined) return;
    const t = text();
    const own = seatNo === this.own;
    const chosen = seatNo === this.chosen;
    const state = own ? t.mine : chosen ? t.chosen : nameOf(seat.status);
    cell.className = `${own ? 'mine' : seat.status.toLowerCase()} tier-${this.#tiers.get(seatNo) ?? 0}`;
    cell.tabIndex = seatNo === this.#focus ? 0 : -1;
    cell.setAttribute('aria-selected', String(chosen));
    cell.setAttribute('aria-disabled', String(own || seat.status !== 'AVAILABLE'));
    cell.setAttribute('aria-label', `${t.seat(seatNo)}, ${money(seat.price)}, ${state}`);
    cell.replaceChildren();
    put(cell,
      h('span', { class: 'no' }, seatNo),
      h('span', { class: 'won' }, own || chosen ? '✓' : marks[seat.status] || shortMoney(seat.price)));
  }

  /** @param {number} seatNo */
  #press(seatNo) {
    this.moveTo(seatNo);
    if (this.seats.get(seatNo)?.status === 'AVAILABLE' && seatNo !== this.own) this.onChoose(seatNo);
  }
  /** @param {number} seatNo 0: none */
  choose(seatNo) {
    const before = this.chosen;
    this.chosen = seatNo;
    this.draw(before);
    this.draw(seatNo);
  }
  /** @param {number} seatNo */
  moveTo(seatNo) {
    const cell = this.#cells.get(seatNo);
    if (cell === undefined) return;
    const before = this.#cells.get(this.#focus);
    if (before !== undefined) before.tabIndex = -1;
    this.#focus = seatNo;
    cell.tabIndex = 0;
    cell.focus();
  }
  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === 'Enter' || event.key === ' ') {
      this.#press(this.#focus);
      return event.preventDefault();
    }
    const to = keyMove(event, this.#numbers.indexOf(this.#focus), this.#numbers.length, this.#columns);
    if (to === undefined) return;
    this.moveTo(this.#numbers[to] ?? 0);
    event.preventDefault();
  }
}
