// What was bought: read with any token of one's own, used up or not.
import { poster } from './art.js';
import { h, put } from './dom.js';
import { crumbs, icon } from './parts.js';
import { count, day, moment, money, text } from './text.js';

/** @typedef {import('./api.js').schemas['Payment']} Payment */

/**
 * @param {import('./session.js').Session} session
 * @param {Payment} payment
 */
function ticket(session, payment) {
  const t = text();
  const concert = session.concert(payment.concert_id ?? '');
  return h('article', { class: 'ticket' }, h('div', { class: 'paper' },
    h('div', { class: 'stub' },
      poster(payment.concert_id ?? ''),
      h('p', {}, h('span', {}, t.admitOne), h('strong', { class: 'number' }, t.seat(payment.seat_no ?? 0)))),
    h('div', { class: 'body' },
      h('h2', {}, concert?.title ?? 'Boxoffice'),
      concert && h('p', { class: 'quiet' }, `${concert.artist} · ${concert.venue}`),
      h('p', { class: 'when' }, day(payment.date ?? '')),
      h('dl', { class: 'facts' },
        h('div', {}, h('dt', {}, t.paid), h('dd', {}, money(payment.amount ?? 0))),
        payment.paid_at && h('div', {}, h('dt', {}, t.paidAt), h('dd', {}, moment(payment.paid_at))),
        h('div', {}, h('dt', {}, t.number), h('dd', { class: 'code' }, payment.payment_id))))));
}

/** @type {import('./app.js').View} */
export async function ticketView({ root, session, signal }, paymentId) {
  const t = text();
  const payment = await session.api.ask('getPayment', { path: { payment_id: paymentId }, signal });
  put(root,
    h('p', { class: 'cheer' }, icon('check')),
    h('h1', {}, t.ticketTitle),
    h('p', { class: 'lead' }, t.ticketText),
    ticket(session, payment),
    h('p', { class: 'actions' },
      h('a', { class: 'button main', href: '#/' }, t.another),
      h('a', { class: 'button', href: '#/tickets' }, t.tickets),
      h('button', { onclick: () => print() }, icon('print'), t.print)));
}

/** @type {import('./app.js').View} */
export async function ticketsView({ root, session, signal }) {
  const t = text();
  const { payments } = await session.api.ask('listPayments', { query: { page_size: '100' }, signal });
  const paid = payments.filter((payment) => payment.status === 'COMPLETED');
  put(root,
    crumbs('#/'),
    h('h1', {}, t.ticketsTitle, paid.length > 0 && ` (${count(paid.length)})`),
    paid.length === 0 && h('p', { class: 'card ended' }, icon('ticket'), t.noTickets),
    paid.map((payment) => ticket(session, payment)));
}
