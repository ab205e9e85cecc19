// The live seat map of one date: an ARIA grid with one tab stop.
import { asRefusal } from './api.js';
import { concertOf } from './catalog.js';
import { h, put, sleep } from './dom.js';
import { clock, day, money, shortMoney, text } from './text.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {schemas['Seat']} Seat */
/** @typedef {import('./app.js').Stage} Stage */

const pollMs = 2000;
const columnsWide = 10;
const columnsNarrow = 5;
const marks = { AVAILABLE: '', HELD: '◷', SOLD: '✕' };

/** @param {Seat['status']} status */
function nameOf(status) {
  const t = text();
  return { AVAILABLE: t.free, HELD: t.held, SOLD: t.sold }[status];
}

/** The map itself: knows seats and which one is chosen, nothing of requests. */
class SeatMap {
  /** @type {Map<number, Seat>} */
  seats = new Map();
  chosen = 0;
  own = 0;
  #focus = 1;
  /** @type {Map<number, HTMLElement>} */
  #cells = new Map();

  /** @param {(seatNo: number) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.columns = columnsWide;
    this.element = h('div', { role: 'grid', class: 'seatmap', 'aria-label': text().seatMap });
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** @param {number} columns */
  lay(columns) {
    this.columns = columns;
    this.element.replaceChildren();
    this.element.dataset.columns = String(columns);
    this.#cells.clear();
    const numbers = [...this.seats.keys()].sort((a, b) => a - b);
    for (let at = 0; at < numbers.length; at += columns) {
      const row = h('div', { role: 'row' });
      for (const seatNo of numbers.slice(at, at + columns)) {
        const cell = h('div', { role: 'gridcell', onclick: () => this.#press(seatNo) });
        this.#cells.set(seatNo, cell);
        row.append(cell);
      }
      this.element.append(row);
    }
    for (const seatNo of numbers) this.draw(seatNo);
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
    cell.className = own ? 'mine' : seat.status.toLowerCase();
    cell.tabIndex = seatNo === this.#focus ? 0 : -1;
    cell.setAttribute('aria-selected', String(chosen));
    cell.setAttribute('aria-disabled', String(own || seat.status !== 'AVAILABLE'));
    cell.setAttribute('aria-label', `${t.seat(seatNo)}, ${money(seat.price)}, ${state}`);
    cell.dataset.seat = String(seatNo);
    cell.replaceChildren();
    put(cell,
      h('span', { class: 'no' }, seatNo),
      h('span', { class: 'won' }, own || chosen ? '✓' : marks[seat.status] || shortMoney(seat.price)));
  }

  /** @param {number} seatNo */
  #press(seatNo) {
    this.#moveTo(seatNo);
    if (this.seats.get(seatNo)?.status === 'AVAILABLE' && seatNo !== this.own) this.onChoose(seatNo);
  }
  /** @param {number} seatNo */
  choose(seatNo) {
    const before = this.chosen;
    this.chosen = seatNo;
    this.draw(before);
    this.draw(seatNo);
  }
  /** @param {number} seatNo */
  #moveTo(seatNo) {
    if (!this.#cells.has(seatNo)) return;
    const before = this.#focus;
    this.#focus = seatNo;
    this.draw(before);
    this.draw(seatNo);
    this.#cells.get(seatNo)?.focus();
  }
  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const numbers = [...this.#cells.keys()];
    const at = numbers.indexOf(this.#focus);
    const rowStart = at - (at % this.columns);
    const rowEnd = Math.min(rowStart + this.columns, numbers.length) - 1;
    /** @type {Record<string, number>} */
    const to = {
      ArrowLeft: Math.max(at - 1, rowStart), ArrowRight: Math.min(at + 1, rowEnd),
      ArrowUp: at - this.columns, ArrowDown: at + this.columns,
      Home: event.ctrlKey ? 0 : rowStart, End: event.ctrlKey ? numbers.length - 1 : rowEnd,
    };
    if (event.key === 'Enter' || event.key === ' ') this.#press(this.#focus);
    else if (!(event.key in to)) return;
    const next = numbers[to[event.key] ?? at];
    if (next !== undefined) this.#moveTo(next);
    event.preventDefault();
  }
}

/** @type {import('./app.js').View} */
export async function seatsView(stage, concertId, date) {
  const { root, session, signal, attempt, go, tell, showBalance } = stage;
  const t = text();
  const path = { concert_id: concertId, date };
  const { api } = session;
  const panel = h('section', { class: 'card panel', 'aria-live': 'polite' });
  const map = new SeatMap((seatNo) => { map.choose(seatNo); drawPanel(); });
  /** @type {schemas['Reservation'] | undefined} */
  let mine;
  let startsAt = '';

  const read = async () => {
    const { dates } = await api.ask('listSeats', { path, query: { view: 'all' }, signal });
    take(dates[0]?.seats ?? []);
    startsAt = dates[0]?.starts_at ?? '';
  };
  /** @param {Seat[]} seats some or all of them */
  const take = (seats) => {
    const fresh = map.seats.size === 0;
    for (const seat of seats) {
      const before = map.seats.get(seat.seat_no);
      map.seats.set(seat.seat_no, seat);
      if (fresh || before?.status === seat.status) continue;
      if (seat.seat_no === map.chosen && seat.status !== 'AVAILABLE') {
        map.choose(0);
        tell(t.seatGone(seat.seat_no));
        drawPanel(t.seatGone(seat.seat_no));
      }
      map.draw(seat.seat_no);
    }
  };
  const readMine = async () => {
    const { reservations } = await api.ask('listReservations', { query: { page_size: '100' }, signal });
    mine = reservations.find((r) => r.concert_id === concertId && r.date === date && ['HELD', 'PAYING', 'CONFIRMED'].includes(r.status)
      && (r.status !== 'HELD' || Date.parse(r.held_until ?? '') > session.now()));
    map.own = mine?.seat_no ?? 0;
  };
  const hold = async () => {
    const seatNo = map.chosen;
    const intent = `hold.${concertId}.${date}.${seatNo}`;
    try {
      const reservation = await api.ask('reserve', { body: { ...path, seat_no: seatNo }, key: session.keyOf(intent) });
      go(`#/pay/${reservation.reservation_id}`);
    } catch (error) {
      if (['SEAT_HELD', 'SEAT_SOLD'].includes(asRefusal(error).code)) {
        map.choose(0);
        drawPanel(t.seatGone(seatNo));
        await read();
      }
      throw error;
    } finally {
      session.dropKey(intent);
    }
  };
  const drawPanel = (note = '') => {
    panel.replaceChildren();
    if (mine !== undefined) {
      const held = mine.status !== 'CONFIRMED';
      put(panel, h('p', {}, held ? t.haveSeat(mine.seat_no) : t.ownSeat(mine.seat_no)),
        h('a', { class: 'button main', href: held ? `#/pay/${mine.reservation_id}` : '#/tickets' }, held ? t.toMyHold : t.tickets));
      return;
    }
    const seat = map.seats.get(map.chosen);
    if (seat === undefined) return put(panel, note !== '' && h('p', { class: 'note' }, note), h('p', { class: 'quiet' }, t.chooseHint));
    const button = h('button', { class: 'main', onclick: () => attempt(hold, button) }, t.holdSeat);
    put(panel, h('p', {}, h('strong', {}, t.seat(seat.seat_no)), ' ', money(seat.price)), button);
  };

  const [concert] = await Promise.all([concertOf(stage, concertId), read(), readMine()]);
  const narrow = matchMedia('(max-width: 560px)');
  const lay = () => map.lay(narrow.matches ? columnsNarrow : columnsWide);
  narrow.addEventListener('change', lay, { signal });
  lay();
  drawPanel();
  put(root,
    h('p', { class: 'crumbs' }, h('a', { href: `#/concerts/${concertId}` }, `← ${t.back}`)),
    h('h1', {}, t.seatsTitle),
    h('p', { class: 'lead' }, `${concert?.title ?? ''} · ${day(date)} · ${startsAt && clock(startsAt)}`),
    h('div', { class: 'hall' },
      h('div', {},
        h('p', { class: 'stage', 'aria-hidden': 'true' }, t.stage),
        map.element,
        legend(),
        h('p', { class: 'quiet live' }, t.live)),
      panel));
  void api.ask('getBalance', { path: { user_id: session.userId }, signal }).then((b) => showBalance(b.balance), () => undefined);
  void follow(stage, path, read, take);
}

function legend() {
  const t = text();
  return h('ul', { class: 'legend' },
    h('li', {}, h('i', { class: 'available' }), t.free),
    h('li', {}, h('i', { class: 'held' }, marks.HELD), t.held),
    h('li', {}, h('i', { class: 'sold' }, marks.SOLD), t.sold),
    h('li', {}, h('i', { class: 'mine' }, '✓'), t.mine));
}

/**
 * Keeps the map fresh: by the stream, and by asking where there is none.
 * @param {Stage} stage
 * @param {{ concert_id: string, date: string }} path
 * @param {() => Promise<void>} read
 * @param {(seats: Seat[]) => void} take
 */
async function follow({ session, signal, attempt }, path, read, take) {
  while (!signal.aborted) {
    try {
      for await (const { event, data } of session.api.events('watchSeats', { path, signal })) {
        if (event !== 'seats') continue;
        const news = JSON.parse(data);
        if (Array.isArray(news.seats) && news.seats.every(isWhole)) take(news.seats);
        else await read();
      }
    } catch {
      // No stream here: the map is read again below.
    }
    await sleep(pollMs, signal);
    if (signal.aborted || document.hidden) continue;
    try {
      await read();
    } catch (error) {
      if (asRefusal(error).code !== 'NETWORK') await attempt(() => Promise.reject(error));
    }
  }
}

/** @param {Partial<Seat>} seat */
function isWhole(seat) {
  return seat.seat_no !== undefined && seat.price !== undefined && seat.status !== undefined;
}
