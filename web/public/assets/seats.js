// The live seat map of one date, and the seat that is chosen in it.
import { asRefusal } from './api.js';
import { concertOf } from './catalog.js';
import { h, put } from './dom.js';
import { follow } from './follow.js';
import { tiersOf } from './grid.js';
import { crumbs, heading, icon, steps } from './parts.js';
import { SeatMap, marks } from './seatmap.js';
import { clock, count, day, money, text } from './text.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {schemas['Seat']} Seat */
/** @typedef {import('./app.js').Stage} Stage */

const pollMs = 2000;
const live = ['HELD', 'PAYING', 'CONFIRMED'];

/** @type {import('./app.js').View} */
export async function seatsView(stage, concertId, date) {
  const { root, session, signal, showBalance } = stage;
  const t = text();
  const hall = new Hall(stage, { concert_id: concertId, date });
  const [concert] = await Promise.all([concertOf(stage, concertId), hall.read(), hall.readMine()]);
  const narrow = matchMedia('(max-width: 560px)');
  const lay = () => hall.map.lay(narrow.matches);
  narrow.addEventListener('change', lay, { signal });
  lay();
  hall.draw();
  put(root,
    crumbs(`#/concerts/${concertId}`), steps(3),
    heading(concert, concertId, t.seatsTitle, `${day(date)}${hall.startsAt && ` · ${clock(hall.startsAt)}`}`),
    h('div', { class: 'hall' },
      h('div', { class: 'house' },
        h('p', { class: 'stage', 'aria-hidden': 'true' }, h('span', {}, t.stage)),
        h('div', { class: 'scroller' }, hall.map.element),
        legend(),
        hall.state),
      h('div', { class: 'side' }, hall.panel, hall.tiers)));
  void session.api.ask('getBalance', { path: { user_id: session.userId }, signal }).then((b) => showBalance(b.balance), () => undefined);
  void hall.follow();
}

class Hall {
  panel = h('section', { class: 'card panel', 'aria-live': 'polite' });
  tiers = h('section', { class: 'card tiers' });
  state = h('p', { class: 'quiet live' });
  startsAt = '';
  map = new SeatMap((seatNo) => { this.map.choose(seatNo); this.drawPanel(); });
  /** @type {schemas['Reservation'] | undefined} the seat that this user holds or owns */
  #mine;
  #path;
  #stage;
  #version = -1;

  /** @param {Stage} stage @param {{ concert_id: string, date: string }} path */
  constructor(stage, path) {
    this.#stage = stage;
    this.#path = path;
  }

  async read() {
    const { api } = this.#stage.session;
    const { dates } = await api.ask('listSeats', { path: this.#path, query: { view: 'all' }, signal: this.#stage.signal });
    this.startsAt = dates[0]?.starts_at ?? '';
    this.#take(dates[0]?.seats ?? []);
  }
  async readMine() {
    const { session, signal } = this.#stage;
    const { reservations } = await session.api.ask('listReservations', { query: { page_size: '100' }, signal });
    this.#mine = reservations.find((r) => r.concert_id === this.#path.concert_id && r.date === this.#path.date && live.includes(r.status)
      && (r.status !== 'HELD' || Date.parse(r.held_until ?? '') > session.now()));
    this.map.own = this.#mine?.seat_no ?? 0;
  }

  /** @param {Seat[]} seats some or all of them */
  #take(seats) {
    const fresh = this.map.seats.size === 0;
    let changed = false;
    for (const seat of seats) {
      const before = this.map.seats.get(seat.seat_no);
      this.map.seats.set(seat.seat_no, seat);
      if (fresh || before?.status === seat.status) continue;
      changed = true;
      if (seat.seat_no === this.map.chosen && seat.status !== 'AVAILABLE') this.#lose(seat.seat_no);
      this.map.draw(seat.seat_no);
    }
    if (changed) this.drawTiers();
  }
  /** @param {schemas['SeatNews']} news all seats, or what changed since the news before */
  async #takeNews(news) {
    const missed = news.from_version !== undefined && news.from_version !== this.#version;
    this.#version = news.version;
    if (missed) return this.read();
    const held = new Set(news.held);
    const sold = new Set(news.sold);
    const named = news.from_version === undefined ? this.map.seats.keys() : [...(news.available ?? []), ...held, ...sold];
    /** @type {Seat[]} */
    const seats = [];
    for (const seatNo of named) {
      const seat = this.map.seats.get(seatNo);
      if (seat !== undefined) seats.push({ ...seat, status: sold.has(seatNo) ? 'SOLD' : held.has(seatNo) ? 'HELD' : 'AVAILABLE' });
    }
    this.#take(seats);
  }
  /** @param {number} seatNo that somebody else has now */
  #lose(seatNo) {
    const note = text().seatGone(seatNo);
    this.map.choose(0);
    this.#stage.tell(note);
    this.drawPanel(note);
  }

  /** Stays up to date until the view goes. */
  follow() {
    const { session, signal, attempt } = this.#stage;
    const t = text();
    this.state.textContent = t.polled;
    return follow({
      api: session.api,
      operation: 'watchSeats',
      path: this.#path,
      take: async (event, data) => {
        if (event === 'seats') await this.#takeNews(JSON.parse(data));
      },
      look: async () => {
        try {
          if (!document.hidden) await this.read();
        } catch (error) {
          if (asRefusal(error).code !== 'NETWORK') await attempt(() => Promise.reject(error));
        }
        return true;
      },
      waitMs: () => pollMs,
      onLive: (open) => { this.state.textContent = open ? t.live : t.polled; },
    }, signal);
  }

  async #hold() {
    const { session, go } = this.#stage;
    const seatNo = this.map.chosen;
    const intent = `hold.${this.#path.concert_id}.${this.#path.date}.${seatNo}`;
    try {
      const reservation = await session.api.ask('reserve', { body: { ...this.#path, seat_no: seatNo }, key: session.keyOf(intent) });
      session.dropKey(intent);
      go(`#/pay/${reservation.reservation_id}`);
    } catch (error) {
      const { code } = asRefusal(error);
      // Without an answer the seat may be held: the same key finds it again.
      if (!['NETWORK', 'TIMEOUT'].includes(code)) session.dropKey(intent);
      if (['SEAT_HELD', 'SEAT_SOLD'].includes(code)) {
        this.#lose(seatNo);
        await this.read();
      }
      if (code === 'ONE_SEAT_PER_DATE') {
        await this.readMine();
        this.map.draw(this.map.own);
        this.drawPanel();
      }
      throw error;
    }
  }

  draw() {
    this.drawPanel();
    this.drawTiers();
  }
  drawPanel(note = '') {
    const { panel, map } = this;
    const t = text();
    const mine = this.#mine;
    const seat = map.seats.get(map.chosen);
    panel.replaceChildren();
    panel.classList.toggle('ready', mine !== undefined || seat !== undefined);
    if (mine !== undefined) {
      const held = mine.status !== 'CONFIRMED';
      put(panel, h('p', {}, held ? t.haveSeat(mine.seat_no) : t.ownSeat(mine.seat_no)),
        h('a', { class: 'button main', href: held ? `#/pay/${mine.reservation_id}` : '#/tickets' }, held ? t.toMyHold : t.tickets));
      return;
    }
    if (seat === undefined) return put(panel, note !== '' && h('p', { class: 'note' }, note), h('p', { class: 'quiet' }, t.chooseHint));
    const button = h('button', { class: 'main', onclick: () => this.#stage.attempt(() => this.#hold(), button) }, t.holdSeat);
    put(panel,
      h('p', { class: 'pick' }, h('strong', {}, t.seat(seat.seat_no)), h('span', { class: 'number' }, money(seat.price))),
      button, h('p', { class: 'quiet small' }, icon('lock'), t.holdHint));
  }
  /** Prices as ranges of seats, each with a short way to a free one. */
  drawTiers() {
    const t = text();
    const focused = this.tiers.contains(document.activeElement) ? document.activeElement?.getAttribute('data-tier') : null;
    this.tiers.replaceChildren();
    put(this.tiers, h('h2', {}, t.prices), h('ul', {}, tiersOf(this.map.seats.values()).map((tier) => h('li', {},
      h('i', { class: `swatch tier-${Math.min(tier.tier, 4)}`, 'aria-hidden': 'true' }),
      h('span', {}, h('strong', { class: 'number' }, money(tier.price)), h('br'),
        h('span', { class: 'quiet small' }, `${t.seatRange(tier.first, tier.last)} · ${t.freeOf(count(tier.free))}`)),
      tier.free > 0 && this.#mine === undefined && h('button', {
        class: 'plain', 'data-tier': tier.first, 'aria-label': t.anySeatAt(money(tier.price)),
        onclick: () => { this.map.moveTo(tier.firstFree); this.map.onChoose(tier.firstFree); },
      }, t.anySeat)))));
    const again = focused === null ? null : this.tiers.querySelector(`[data-tier="${focused}"]`);
    if (again instanceof HTMLElement) again.focus();
  }
}

function legend() {
  const t = text();
  return h('ul', { class: 'legend' },
    h('li', {}, h('i', { class: 'available' }), t.free),
    h('li', {}, h('i', { class: 'picked' }, '✓'), t.chosen),
    h('li', {}, h('i', { class: 'held' }, marks.HELD), t.held),
    h('li', {}, h('i', { class: 'sold' }, marks.SOLD), t.sold),
    h('li', {}, h('i', { class: 'mine' }, '✓'), t.mine));
}
