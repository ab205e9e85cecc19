// What several views are made of.
import { poster } from './art.js';
import { h, svg } from './dom.js';
import { text } from './text.js';

/** @typedef {import('./api.js').schemas} schemas */

const pictures = {
  clock: 'M12 7v5l3 2M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18Z',
  wallet: 'M4 8a2 2 0 0 1 2-2h11v3M4 8v9a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2v-6a2 2 0 0 0-2-2H5M16 14h.01',
  ticket: 'M4 7h16v3a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4ZM14 7v2M14 11v2M14 15v2',
  line: 'M7 9a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4ZM3.5 19v-3a3.5 3.5 0 0 1 7 0v3M17 9a2.2 2.2 0 1 0 0-4.4M14.5 12.7a3.5 3.5 0 0 1 6 2.5V19',
  lock: 'M7 11V8a5 5 0 0 1 10 0v3M6 11h12v9H6Z',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  back: 'M14 6l-6 6 6 6',
  out: 'M10 5H5v14h5M14 8l4 4-4 4M18 12H9',
  print: 'M7 9V4h10v5M7 17H4V9h16v8h-3M7 14h10v6H7Z',
};
/** A small picture beside words that say the same. @param {keyof typeof pictures} name */
export function icon(name) {
  return svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: pictures[name] }));
}

/** Where in the story this view is. @param {number} at 0: the line */
export function steps(at) {
  const t = text();
  return h('ol', { class: 'steps', 'aria-label': t.steps }, t.stepNames.map((name, i) =>
    h('li', { class: i < at ? 'done' : i === at ? 'now' : 'due', 'aria-current': i === at && 'step' },
      h('span', { class: 'step-no', 'aria-hidden': 'true' }, i < at ? icon('check') : i + 1), h('span', { class: 'step-name' }, name))));
}

/** @param {string} to */
export function crumbs(to) {
  return h('p', { class: 'crumbs' }, h('a', { href: to }, icon('back'), text().back));
}

/**
 * A concert's poster and name, above what is chosen of it.
 * @param {schemas['Concert'] | undefined} concert
 * @param {string} id
 * @param {string} title
 * @param {import('./dom.js').Child[]} lead
 */
export function heading(concert, id, title, ...lead) {
  return h('header', { class: 'heading' },
    h('div', { class: 'thumb' }, poster(id)),
    h('div', {},
      h('h1', {}, title),
      h('p', { class: 'lead' }, concert && h('strong', {}, concert.title), concert && ` · ${concert.artist} · ${concert.venue}`, lead.length > 0 && h('br'), lead)));
}

const circle = 2 * Math.PI * 52;
/** A ring that shows a share; what it shows is said beside it. */
export class Ring {
  #arc = svg('circle', { class: 'arc', cx: 60, cy: 60, r: 52, 'stroke-dasharray': circle, 'stroke-dashoffset': circle });
  element = svg('svg', { class: 'ring', viewBox: '0 0 120 120', 'aria-hidden': 'true' },
    svg('circle', { class: 'track', cx: 60, cy: 60, r: 52 }), this.#arc);

  /** @param {number} share 0 to 1 */
  show(share) {
    this.#arc.setAttribute('stroke-dashoffset', String(circle * (1 - Math.min(1, Math.max(0, share)))));
  }
}
