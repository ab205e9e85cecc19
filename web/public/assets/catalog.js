// Concerts and their dates.
import { poster } from './art.js';
import { h, put } from './dom.js';
import { crumbs, heading, icon, steps } from './parts.js';
import { clock, countdown, dayNumber, month, text, weekday } from './text.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {import('./app.js').Stage} Stage */

/** At this share of free seats or less, hurry is told. */
const fewShare = 0.2;

/** @type {import('./app.js').View} */
export async function concertsView(stage) {
  const { root, session, signal, showBalance } = stage;
  const t = text();
  const [{ concerts }, hold] = await Promise.all([session.api.ask('listConcerts', { query: { page_size: '100' }, signal }), heldSeat(stage)]);
  session.rememberConcerts(concerts);
  put(root, steps(1), h('h1', {}, t.concertsTitle), hold && holdNote(stage, hold),
    h('ul', { class: 'cards' }, concerts.map((concert) => h('li', {}, concertCard(stage, concert)))));
  void session.api.ask('getBalance', { path: { user_id: session.userId }, signal })
    .then(({ balance }) => showBalance(balance), () => undefined);
}

/**
 * @param {Stage} stage
 * @param {schemas['Concert']} concert
 */
function concertCard({ session, attempt, go }, concert) {
  const t = text();
  const words = h('span', { class: 'words' }, h('strong', {}, concert.title), h('span', {}, concert.artist), h('span', { class: 'quiet' }, concert.venue));
  const to = `#/concerts/${concert.concert_id}`;
  if (concert.queue === session.place?.queue) return h('a', { class: 'card poster', href: to }, poster(concert.concert_id), words);
  // A concert with a line of its own: the place in this line is given back for one in that.
  put(words, h('em', {}, t.otherLine));
  const card = h('button', {
    class: 'card poster', onclick: () => attempt(async () => { await session.leave(); await session.join(concert.queue); go(to); }, card),
  }, poster(concert.concert_id), words);
  return card;
}

/** A seat that waits to be paid, from wherever the story was left. @param {Stage} stage */
async function heldSeat({ session, signal }) {
  const { reservations } = await session.api.ask('listReservations', { query: { page_size: '20' }, signal });
  return reservations.find((r) => r.status === 'HELD' && Date.parse(r.held_until ?? '') > session.now());
}
/**
 * @param {Stage} stage
 * @param {schemas['Reservation']} hold
 */
function holdNote({ session }, hold) {
  const t = text();
  const left = countdown(Date.parse(hold.held_until ?? '') - session.now());
  return h('a', { class: 'card held-note', href: `#/pay/${hold.reservation_id}` }, icon('clock'),
    h('span', {}, h('strong', {}, `${session.concert(hold.concert_id)?.title ?? ''} · ${t.seat(hold.seat_no)}`), h('br'), t.heldNote(left)),
    h('span', { class: 'go' }, t.toMyHold));
}

/**
 * The concert's name, also after a reload in the middle of the story.
 * @param {Stage} stage
 * @param {string} concertId
 */
export async function concertOf({ session, signal }, concertId) {
  if (session.concert(concertId) === undefined) {
    const { concerts } = await session.api.ask('listConcerts', { query: { page_size: '100' }, signal });
    session.rememberConcerts(concerts);
  }
  return session.concert(concertId);
}

/** @type {import('./app.js').View} */
export async function datesView(stage, concertId) {
  const { root, session, signal } = stage;
  const t = text();
  const [concert, { dates }] = await Promise.all([
    concertOf(stage, concertId), session.api.ask('listDates', { path: { concert_id: concertId }, signal }),
  ]);
  put(root, crumbs('#/'), steps(2), heading(concert, concertId, t.datesTitle),
    dates.length === 0 && h('p', { class: 'note' }, t.noDates));
  const months = [...new Set(dates.map(({ date }) => date.slice(0, 7)))];
  for (const name of months)
    put(root, h('h2', { class: 'month' }, month(`${name}-01`)), h('ul', { class: 'dates' },
      dates.filter(({ date }) => date.startsWith(name)).map((date) => h('li', {}, dateCard(concertId, date)))));
}

/**
 * @param {string} concertId
 * @param {{ date: string, starts_at: string, seats_total: number, seats_available: number }} date
 */
function dateCard(concertId, { date, starts_at, seats_total, seats_available }) {
  const t = text();
  const few = seats_available <= seats_total * fewShare;
  return h('a', { class: `card date${few ? ' few' : ''}`, href: `#/concerts/${concertId}/${date}` },
    h('span', { class: 'weekday' }, weekday(date)),
    h('strong', { class: 'day' }, dayNumber(date)),
    h('span', { class: 'quiet' }, clock(starts_at)),
    h('span', { class: 'left' }, few ? t.seatsFew(seats_available) : t.seatsFree(seats_available, seats_total)),
    h('meter', { min: 0, max: seats_total, value: seats_available, 'aria-hidden': 'true' }));
}
