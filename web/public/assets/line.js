// Before one's turn, in the line, and after.
import { stageLights } from './art.js';
import { h, put } from './dom.js';
import { Ring, icon, steps } from './parts.js';
import { count, text } from './text.js';

/** @typedef {import('./app.js').Stage} Stage */

/**
 * @param {Stage} stage
 * @param {string} name
 */
function joinButton({ session, attempt, go }, name) {
  // Whoever came by the address of a concert wants the line before that one.
  const wanted = /^#\/concerts\/([\w-]+)/.exec(location.hash)?.[1] ?? '';
  const button = h('button', {
    class: 'main large', onclick: () => attempt(async () => { await session.join(session.concert(wanted)?.queue); go(location.hash || '#/'); }, button),
  }, name);
  return button;
}

/** @type {import('./app.js').View} */
export function welcomeView(stage) {
  const t = text();
  const promises = /** @type {const} */ ([['line', t.promiseLine], ['lock', t.promiseHold], ['ticket', t.promiseTicket]]);
  put(stage.root,
    h('section', { class: 'hero' }, stageLights(),
      h('div', { class: 'words' },
        h('h1', {}, t.welcomeTitle),
        h('p', {}, t.welcomeText),
        joinButton(stage, t.join))),
    h('ul', { class: 'promises' }, promises.map(([picture, [title, words]]) =>
      h('li', { class: 'card' }, icon(picture), h('h2', {}, title ?? ''), h('p', {}, words ?? '')))),
    guest(stage.session));
}

/** @param {import('./session.js').Session} session */
function guest(session) {
  const t = text();
  return h('p', { class: 'quiet guest' }, t.youAre(session.userId.slice(0, 8)), ' ',
    h('button', { class: 'link', onclick: () => session.becomeSomeoneNew() }, t.someoneNew));
}

/** @param {number} seconds */
function waitText(seconds) {
  const t = text();
  return seconds < 60 ? t.lessThanMinute : seconds < 5400 ? t.minutes(Math.ceil(seconds / 60)) : t.hours(Math.round(seconds / 3600));
}

// Where the progress began: the farthest from the front that this place has been seen, over reloads too.
/** @param {import('./session.js').Place} place */
function farthest(place) {
  const name = `boxoffice.start.${place.token_id}`;
  const start = Math.max(Number(sessionStorage.getItem(name) ?? 0), place.position);
  sessionStorage.setItem(name, String(start));
  return start;
}

/** @type {import('./app.js').View} */
export function waitView({ root, session, signal, tell }) {
  const t = text();
  const position = h('strong', { class: 'number', id: 'position' });
  const ahead = h('dd', { id: 'ahead' });
  const wait = h('dd', { id: 'wait' });
  const ring = new Ring();
  const progress = h('progress', { max: 1, 'aria-label': t.progress });
  put(root, steps(0),
    h('section', { class: 'card waiting' },
      h('h1', {}, t.waitTitle),
      h('p', { class: 'place' }, ring.element, h('span', {}, t.position), position),
      progress,
      h('dl', { class: 'facts' },
        h('div', {}, h('dt', {}, t.ahead), ahead),
        h('div', {}, h('dt', {}, t.wait), wait)),
      h('p', { class: 'quiet live' }, t.waitText)));
  let told = 0;
  const update = () => {
    const place = session.place;
    if (place === null) return;
    const share = 1 - place.position / (farthest(place) + 1);
    position.textContent = count(place.position);
    ahead.textContent = count(place.ahead);
    wait.textContent = waitText(place.estimated_wait_seconds);
    progress.value = share;
    ring.show(share);
    document.title = `${t.inLine(count(place.position))} · Boxoffice`;
    if (told !== place.position) tell(t.movedTo(place.position));
    told = place.position;
  };
  update();
  document.addEventListener('place', update, { signal });
}

/** @type {import('./app.js').View} */
export function endedView(stage) {
  const t = text();
  put(stage.root,
    h('section', { class: 'card ended' },
      icon('clock'),
      h('h1', {}, t.endedTitle),
      h('p', {}, t.endedText),
      h('div', { class: 'actions' }, joinButton(stage, t.joinAgain), h('a', { class: 'button large', href: '#/tickets' }, t.tickets))),
    guest(stage.session));
}
