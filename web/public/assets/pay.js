// A held seat: its countdown, the wallet, and the payment.
import { asRefusal } from './api.js';
import { concertOf } from './catalog.js';
import { h, put, sleep } from './dom.js';
import { endedView } from './line.js';
import { Ring, crumbs, heading, icon, steps } from './parts.js';
import { countdown, day, money, text } from './text.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {import('./app.js').Stage} Stage */
/** @typedef {schemas['Reservation']} Reservation */

const chargeStep = 10000;
const chargeMax = 10000000;
const chargeQuick = [50000, 100000, 500000];
const pendingPollMs = 1000;
/** From here on hurry is told, and said aloud once. */
const hurryMs = 60000;

/** @type {import('./app.js').View} */
export async function payView(stage, reservationId) {
  const { root, session, signal } = stage;
  const t = text();
  const reservation = await session.api.ask('getReservation', { path: { reservation_id: reservationId }, signal });
  const concert = await concertOf(stage, reservation.concert_id);
  const back = `#/concerts/${reservation.concert_id}/${reservation.date}`;
  put(root, crumbs(back), steps(4),
    heading(concert, reservation.concert_id, t.payTitle, `${day(reservation.date)} · `, h('strong', {}, t.seat(reservation.seat_no))));
  if (reservation.status === 'CONFIRMED') return toTicket(stage, reservation);
  if (reservation.status === 'CANCELLED') return lapsed(root, back, t.cancelled, '');
  const ends = Date.parse(reservation.held_until ?? '');
  if (reservation.status === 'EXPIRED' || !(ends > session.now())) return lapsed(root, back, t.holdOver, t.holdOverText);
  await checkout(stage, reservation, ends);
}

/**
 * The turn is over: was it a payment, whose answer this page may never have seen?
 * @type {import('./app.js').View}
 */
export async function settledView(stage, reservationId) {
  const { root, session, signal } = stage;
  const path = { reservation_id: reservationId };
  let reservation = await session.api.ask('getReservation', { path, signal });
  if (reservation.status === 'PAYING') put(root, h('p', { class: 'card ended' }, text().pending));
  while (reservation.status === 'PAYING' && !signal.aborted) {
    await sleep(pendingPollMs, signal);
    reservation = await session.api.ask('getReservation', { path, signal });
  }
  if (reservation.status === 'CONFIRMED') return toTicket(stage, reservation);
  root.replaceChildren();
  await endedView(stage);
}

/**
 * @param {HTMLElement} root
 * @param {string} back
 * @param {string} title
 * @param {string} why
 */
function lapsed(root, back, title, why) {
  put(root, h('section', { class: 'card ended', id: 'lapsed' },
    icon('clock'), h('h2', {}, title), why !== '' && h('p', {}, why),
    h('a', { class: 'button main', href: back }, text().chooseAgain)));
}

/**
 * @param {Stage} stage
 * @param {Reservation} reservation
 */
async function toTicket({ session, go, signal }, reservation) {
  const { payments } = await session.api.ask('listPayments', { query: { page_size: '100' }, signal });
  const payment = payments.find((p) => p.reservation_id === reservation.reservation_id && p.status === 'COMPLETED');
  if (!signal.aborted) go(payment === undefined ? '#/tickets' : `#/tickets/${payment.payment_id}`);
}

/**
 * @param {Stage} stage
 * @param {Reservation} reservation
 * @param {number} ends
 */
async function checkout(stage, reservation, ends) {
  const { root, session, signal, attempt, go, showBalance, tell } = stage;
  const t = text();
  const { api, userId } = session;
  const till = h('section', { class: 'card till' });
  const timer = h('section', { class: 'card timer' });
  const path = { user_id: userId };
  let { balance } = await api.ask('getBalance', { path, signal });

  const pay = async () => {
    const intent = `pay.${reservation.reservation_id}`;
    /** @type {schemas['Payment']} */
    let payment;
    try {
      payment = await api.ask('pay', { body: { reservation_id: reservation.reservation_id }, key: session.keyOf(intent) });
    } catch (error) {
      const { code } = asRefusal(error);
      // Refused is refused: the next try is another intent. No answer is no refusal, and keeps its key.
      if (!['NETWORK', 'TIMEOUT'].includes(code)) session.dropKey(intent);
      // Spent in another tab meanwhile: show what there is, and how to charge.
      if (code === 'INSUFFICIENT_BALANCE') {
        balance = (await api.ask('getBalance', { path, signal })).balance;
        draw();
      }
      throw error;
    }
    if (payment.status === 'PENDING') tell(t.pending);
    while (payment.status === 'PENDING' && !signal.aborted) {
      await sleep(pendingPollMs, signal);
      payment = await api.ask('getPayment', { path: { payment_id: payment.payment_id } });
    }
    session.dropKey(intent);
    if (payment.status !== 'COMPLETED') return stage.refresh();
    const ticket = `#/tickets/${payment.payment_id}`;
    if (location.hash !== ticket) go(ticket);
    void session.look().catch(() => undefined);
  };
  const charge = async (/** @type {number} */ amount) => {
    const intent = `charge.${userId}.${amount}`;
    try {
      balance = (await api.ask('charge', { path, body: { amount }, key: session.keyOf(intent) })).balance;
      session.dropKey(intent);
    } catch (error) {
      if (!['NETWORK', 'TIMEOUT'].includes(asRefusal(error).code)) session.dropKey(intent);
      throw error;
    }
    tell(t.charged(money(balance)));
    draw();
    till.querySelector('button')?.focus();
  };
  const cancel = async () => {
    await api.ask('cancelReservation', { path: { reservation_id: reservation.reservation_id } });
    go(`#/concerts/${reservation.concert_id}/${reservation.date}`);
  };
  const draw = () => {
    showBalance(balance);
    const missing = reservation.price - balance;
    const payButton = h('button', { class: 'main large', id: 'pay', onclick: () => attempt(pay, payButton) }, t.pay(money(reservation.price)));
    const cancelButton = h('button', { class: 'plain', id: 'give-back', onclick: () => attempt(cancel, cancelButton) }, t.giveBack);
    till.replaceChildren();
    put(till,
      h('dl', { class: 'bill' },
        h('div', {}, h('dt', {}, t.price), h('dd', {}, money(reservation.price))),
        h('div', {}, h('dt', {}, t.balance), h('dd', { id: 'wallet' }, money(balance))),
        missing <= 0 && h('div', { class: 'sum' }, h('dt', {}, t.after), h('dd', {}, money(balance - reservation.price)))),
      missing <= 0 && payButton,
      missing > 0 && h('p', { class: 'note' }, t.missing(money(missing))),
      chargeForm(missing, (amount, button) => attempt(() => charge(amount), button)),
      cancelButton);
  };
  draw();
  put(root, h('div', { class: 'checkout' }, till, timer));
  void tick(stage, timer, reservation, ends);
}

/**
 * @param {number} missing won, at most 0 when the wallet has enough
 * @param {(amount: number, button: HTMLButtonElement) => void} onCharge
 */
function chargeForm(missing, onCharge) {
  const t = text();
  const needed = missing > 0;
  const suggested = Math.max(chargeStep, Math.ceil(missing / chargeStep) * chargeStep);
  const input = h('input', {
    id: 'amount', type: 'number', inputmode: 'numeric', min: 1, max: chargeMax, step: 1, required: true, value: suggested,
  });
  const button = h('button', { class: needed ? 'main' : '', type: 'submit' }, t.charge);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    onCharge(input.valueAsNumber, button);
  };
  const form = h('form', { class: 'charge', onsubmit: submit, 'aria-label': t.chargeTitle },
    h('label', { for: 'amount' }, t.amount), input, button,
    h('div', { class: 'quick' }, chargeQuick.map((amount) =>
      h('button', { type: 'button', class: 'plain', onclick: () => { input.value = String(amount); input.focus(); } }, money(amount)))));
  return needed ? form : h('details', { class: 'more' }, h('summary', {}, t.chargeTitle), form);
}

/**
 * @param {Stage} stage
 * @param {HTMLElement} timer
 * @param {Reservation} reservation
 * @param {number} ends
 */
async function tick({ session, signal, refresh, tell }, timer, reservation, ends) {
  const t = text();
  const whole = ends - Date.parse(reservation.created_at);
  const left = h('strong', { class: 'number', id: 'countdown', role: 'timer' });
  const ring = new Ring();
  put(timer, h('div', { class: 'dial' }, ring.element, left), h('div', {}, h('h2', {}, t.holdLeft), h('p', { class: 'quiet' }, t.holdLeftText)));
  let told = whole <= hurryMs;
  while (!signal.aborted) {
    const rest = ends - session.now();
    left.textContent = countdown(rest);
    ring.show(rest / whole);
    timer.classList.toggle('hurry', rest <= hurryMs);
    if (!told && rest <= hurryMs) {
      told = true;
      tell(t.hurry);
    }
    if (rest <= 0) return refresh();
    await sleep(250, signal);
  }
}
