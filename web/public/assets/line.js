// Before one's turn, in the line, and after.
import { h, put } from './dom.js';
import { count, text } from './text.js';

/** @type {import('./app.js').View} */
export function welcomeView({ root, session, attempt, go }) {
  const t = text();
  const join = h('button', { class: 'main', onclick: () => attempt(async () => { await session.join(); go('#/'); }, join) }, t.join);
  put(root,
    h('section', { class: 'hero' },
      h('h1', {}, t.welcomeTitle),
      h('p', { class: 'lead' }, t.welcomeText),
      join),
    guest(session));
}

/** @param {import('./session.js').Session} session */
function guest(session) {
  const t = text();
  return h('p', { class: 'quiet' }, t.youAre(session.userId.slice(0, 8)), ' ',
    h('button', { class: 'link', onclick: () => session.becomeSomeoneNew() }, t.someoneNew));
}

/** @param {number} seconds */
function waitText(seconds) {
  const t = text();
  return seconds < 60 ? t.lessThanMinute : t.minutes(Math.ceil(seconds / 60));
}

// Where the progress bar began: the farthest from the front that this place has been seen.
/** @type {Record<string, number>} */
const farthest = {};

/** @type {import('./app.js').View} */
export function waitView({ root, session, signal, tell }) {
  const t = text();
  const position = h('strong', { class: 'number', id: 'position' });
  const ahead = h('dd', { id: 'ahead' });
  const wait = h('dd', { id: 'wait' });
  const progress = h('progress', { max: 1, 'aria-label': t.progress });
  put(root,
    h('section', { class: 'card waiting' },
      h('h1', {}, t.waitTitle),
      h('p', { class: 'place' }, h('span', {}, t.position), position),
      progress,
      h('dl', { class: 'facts' },
        h('div', {}, h('dt', {}, t.ahead), ahead),
        h('div', {}, h('dt', {}, t.wait), wait)),
      h('p', { class: 'quiet' }, t.waitText)));
  let told = 0;
  const update = () => {
    const place = session.place;
    if (place === null) return;
    const start = (farthest[place.token_id] = Math.max(farthest[place.token_id] ?? 0, place.position));
    position.textContent = count(place.position);
    ahead.textContent = count(place.ahead);
    wait.textContent = waitText(place.estimated_wait_seconds);
    progress.value = 1 - place.position / (start + 1);
    if (told !== place.position) tell(t.movedTo(place.position));
    told = place.position;
  };
  update();
  document.addEventListener('place', update, { signal });
}

/** @type {import('./app.js').View} */
export function endedView({ root, session, attempt, go }) {
  const t = text();
  const join = h('button', { class: 'main', onclick: () => attempt(async () => { await session.join(); go('#/'); }, join) }, t.joinAgain);
  put(root,
    h('section', { class: 'card' },
      h('h1', {}, t.endedTitle),
      h('p', {}, t.endedText),
      h('div', { class: 'actions' }, join, h('a', { class: 'button', href: '#/tickets' }, t.tickets))),
    guest(session));
}
