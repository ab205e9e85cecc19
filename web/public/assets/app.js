// The page: which view is due, its frame, and what goes wrong.
import { asRefusal } from './api.js';
import { byId, h, put } from './dom.js';
import { icon } from './parts.js';
import { payView, settledView } from './pay.js';
import { seatsView } from './seats.js';
import { Session } from './session.js';
import { countdown, language, money, setLanguage, text } from './text.js';
import { ticketView, ticketsView } from './tickets.js';
import { concertsView, datesView } from './catalog.js';
import { endedView, waitView, welcomeView } from './line.js';

/** @typedef {import('./api.js').schemas} schemas */
/**
 * What a view gets; it lives until `signal` ends.
 * @typedef {object} Stage
 * @property {Session} session
 * @property {HTMLElement} root
 * @property {AbortSignal} signal
 * @property {(message: string) => void} tell says it to screen readers
 * @property {(work: () => Promise<void>, button?: HTMLButtonElement) => Promise<void>} attempt
 *   runs it; a refusal is shown with what to do next
 * @property {(to: string) => void} go
 * @property {() => void} refresh
 * @property {(won: number) => void} showBalance
 */
/** @typedef {(stage: Stage, ...parts: string[]) => Promise<void> | void} View */

const session = new Session();
const view = byId('view');
const bar = byId('bar');
let current = new AbortController();
let shown = '';
/** @type {number | null} */
let balance = null;

/** @type {[RegExp, View][]} */
const active = [
  [/^#\/concerts\/([\w-]+)\/([\d-]+)$/, seatsView],
  [/^#\/concerts\/([\w-]+)$/, datesView],
  [/^#\/pay\/([\w-]+)$/, payView],
];
/** @type {[RegExp, View][]} */
const always = [
  [/^#\/tickets\/([\w-]+)$/, ticketView],
  [/^#\/tickets$/, ticketsView],
];

/** After the turn: a payment may have used it up. @type {[RegExp, View][]} */
const after = [[/^#\/pay\/([\w-]+)$/, settledView]];

/** @returns {[string, View, string[]]} its name, and the view with the parts of its address */
function choose() {
  /** @param {[RegExp, View][]} table */
  const match = (table) => {
    for (const [pattern, found] of table) {
      const parts = pattern.exec(location.hash);
      if (parts !== null) return /** @type {[string, View, string[]]} */ ([location.hash, found, parts.slice(1)]);
    }
    return null;
  };
  if (!session.hasToken) return ['welcome', welcomeView, []];
  const place = session.place;
  const found = match(always);
  if (found !== null) return found;
  if (place === null) return ['loading', loadingView, []];
  if (place.status === 'WAITING') return ['waiting', waitView, []];
  if (place.status === 'EXPIRED') {
    const paid = match(after);
    return paid === null ? ['ended', endedView, []] : [`ended ${paid[0]}`, paid[1], paid[2]];
  }
  return match(active) ?? ['concerts', concertsView, []];
}

/** @type {View} */
function loadingView({ root }) {
  put(root, h('p', { class: 'quiet' }, text().loading));
}

function render() {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const [name, show, parts] = choose();
  const moved = name !== shown;
  shown = name;
  const root = h('div', { class: `view ${show.name}` });
  view.replaceChildren(root);
  session.api.language = document.documentElement.lang = language();
  byId('skip').textContent = text().skip;
  hideProblem();
  renderBar();
  /** @type {Stage} */
  const stage = {
    session, root, signal, tell, go, refresh: render,
    attempt: (work, button) => attempt(work, signal, button),
    showBalance: (won) => { balance = won; renderBar(); },
  };
  void attempt(async () => {
    await show(stage, ...parts);
    if (!signal.aborted) settle(root, moved);
  }, signal);
}

/**
 * A new view begins at its heading, for eyes and for screen readers.
 * @param {HTMLElement} root
 * @param {boolean} moved
 */
function settle(root, moved) {
  const heading = root.querySelector('h1');
  document.title = heading === null ? 'Boxoffice' : `${heading.textContent} · Boxoffice`;
  if (!moved) return;
  scrollTo(0, 0);
  heading?.setAttribute('tabindex', '-1');
  heading?.focus({ preventScroll: true });
}

/** @param {string} to */
function go(to) {
  if (location.hash === to) render();
  else location.hash = to;
}

/** @param {string} message */
function tell(message) {
  byId('news').textContent = message;
}

/**
 * @param {() => Promise<void>} work
 * @param {AbortSignal} signal
 * @param {HTMLButtonElement} [button] cannot be pressed twice meanwhile
 */
async function attempt(work, signal, button) {
  hideProblem();
  button?.setAttribute('aria-busy', 'true');
  if (button?.getAttribute('aria-disabled') === 'true') return;
  button?.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } catch (error) {
    if (!signal.aborted) showProblem(error);
  } finally {
    button?.removeAttribute('aria-busy');
    button?.removeAttribute('aria-disabled');
  }
}

function hideProblem() {
  byId('alert').replaceChildren();
}

/** @param {unknown} error */
function showProblem(error) {
  const refusal = asRefusal(error);
  const t = text();
  if (refusal.code === 'TOKEN_EXPIRED') session.markExpired();
  // A token of another line is good there: the refusal names this concert's line.
  const line = refusal.code === 'TOKEN_INVALID' ? refusal.problem.queue : undefined;
  if (refusal.code === 'TOKEN_INVALID' && line === undefined) session.forget();
  const next = /** @type {Record<string, string>} */ (t.next);
  const alert = byId('alert');
  alert.replaceChildren();
  put(alert,
    h('div', {},
      h('strong', {}, refusal.problem.title ?? t.failed),
      h('p', {}, line === undefined ? next[refusal.code] ?? t.next.other : t.otherLineText)),
    line !== undefined && h('button', { class: 'plain', onclick: () => changeLine(line) }, t.joinOther),
    line === undefined && view.querySelector('h1') === null && h('button', { class: 'plain', onclick: render }, t.tryAgain),
    h('button', { class: 'plain', onclick: hideProblem }, t.close));
}

/** The place in this line is given back for one in that. @param {string} line */
function changeLine(line) {
  void attempt(async () => {
    await session.leave();
    await session.join(line);
  }, new AbortController().signal);
}

function renderBar() {
  const t = text();
  const isActive = session.place?.status === 'ACTIVE';
  const languages = h('div', { class: 'languages', role: 'group', 'aria-label': t.language });
  for (const [code, name, short] of /** @type {const} */ ([['ko', '한국어', '한'], ['en', 'English', 'EN']]))
    put(languages, h('button', {
      lang: code, 'aria-pressed': String(language() === code), 'aria-label': name,
      onclick: () => { setLanguage(code); render(); },
    }, short));
  bar.replaceChildren();
  put(bar,
    h('a', { class: 'brand', href: '#/', 'aria-label': t.home }, h('img', { src: '/assets/icon.svg', alt: '', width: 30, height: 30 }), h('span', {}, 'Boxoffice')),
    languages,
    session.hasToken && h('nav', { 'aria-label': t.account },
      isActive && h('span', { class: 'chip', id: 'turn' }, icon('clock'), h('span', { class: 'words' }, t.turn), ' ', h('span', { class: 'number' })),
      isActive && balance !== null && h('span', { class: 'chip', id: 'balance' }, icon('wallet'), h('span', { class: 'words' }, t.wallet), ' ', h('span', { class: 'number' }, money(balance))),
      h('a', { class: 'item', href: '#/tickets' }, icon('ticket'), t.tickets),
      session.place !== null && session.place.status !== 'EXPIRED' && h('button', { class: 'item', id: 'leave', onclick: leave }, icon('out'), t.leave)));
  tickTurn();
}

function leave() {
  void attempt(async () => { await session.leave(); go('#/'); }, current.signal);
}

function tickTurn() {
  const number = document.querySelector('#turn .number');
  const ends = session.place?.expires_at;
  if (number === null || ends === undefined) return;
  number.textContent = countdown(Date.parse(ends) - session.now());
}

session.onPlace = (/** @type {schemas['Place'] | null} */ before) => {
  const status = session.place?.status;
  if (before?.status === status && status !== undefined) {
    if (status === 'WAITING') document.dispatchEvent(new Event('place'));
    return;
  }
  if (status === 'ACTIVE' && before?.status === 'WAITING') tell(text().yourTurn);
  if (status !== 'ACTIVE') balance = null;
  // A ticket that is being looked at stays; only its frame changes.
  if (choose()[0] === shown) renderBar();
  else render();
};
addEventListener('hashchange', render);
// The address says which view this is: skipping to its content must not change it.
byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  view.focus();
});
setInterval(tickTurn, 1000);

async function begin() {
  // A sign-in does not stay in the address, nor in the history.
  if (session.takeIdentity(location.hash)) history.replaceState(null, '', location.pathname);
  render();
  void session.setClock().catch(() => undefined);
  if (!session.hasToken) return;
  await attempt(() => session.look(), current.signal);
  session.follow();
}
void begin();
