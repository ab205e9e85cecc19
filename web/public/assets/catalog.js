// Concerts and their dates.
import { h, put } from './dom.js';
import { clock, day, text } from './text.js';

/** @type {import('./app.js').View} */
export async function concertsView({ root, session, signal, showBalance }) {
  const t = text();
  const { concerts } = await session.api.ask('listConcerts', { query: { page_size: '100' }, signal });
  session.rememberConcerts(concerts);
  put(root, h('h1', {}, t.concertsTitle), h('ul', { class: 'cards' },
    concerts.map((concert, i) => h('li', {},
      h('a', { class: `card poster poster-${i % 3}`, href: `#/concerts/${concert.concert_id}` },
        h('strong', {}, concert.title), h('span', {}, concert.artist), h('span', { class: 'quiet' }, concert.venue))))));
  void session.api.ask('getBalance', { path: { user_id: session.userId }, signal })
    .then(({ balance }) => showBalance(balance), () => undefined);
}

/**
 * The concert's name, also after a reload in the middle of the story.
 * @param {import('./app.js').Stage} stage
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
  const concert = await concertOf(stage, concertId);
  const { dates } = await session.api.ask('listDates', { path: { concert_id: concertId }, signal });
  put(root,
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, `← ${t.back}`)),
    h('h1', {}, t.datesTitle),
    h('p', { class: 'lead' }, concert && `${concert.title} · ${concert.artist} · ${concert.venue}`),
    dates.length === 0 && h('p', {}, t.noDates),
    h('ul', { class: 'dates' }, dates.map((date) => h('li', {},
      h('a', { class: 'card date', href: `#/concerts/${concertId}/${date.date}` },
        h('strong', {}, day(date.date)),
        h('span', {}, clock(date.starts_at)),
        h('span', { class: 'quiet' }, t.seatsFree(date.seats_available, date.seats_total)),
        h('meter', { min: 0, max: date.seats_total, value: date.seats_available, 'aria-hidden': 'true' }))))));
}
