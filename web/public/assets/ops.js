// The operator's view: what the line, the seats and the payments are at, and how the line admits.
import { byId, h, put, sleep, svg } from './dom.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {import('./api.js').paths} paths */
/** @typedef {Record<string, any>} Figures names and what they count: drawn as they come, so that new ones need no change here */

const refreshMs = 2000;
const secretName = 'boxoffice.ops'; // for this tab only
const policyMembers = /** @type {const} */ ([
  ['capacity', 'Active at most'], ['admit_batch', 'Enter at a time'], ['admit_interval_ms', 'Every (ms)'],
  ['active_ttl_ms', 'A turn lasts (ms)'], ['absent_ms', 'Absent after (ms)'],
]);
const view = byId('view');

/** @satisfies {Record<string, readonly [string, keyof paths]>} */
const routes = /** @type {const} */ ({
  overview: ['GET', '/ops/api/overview'],
  policy: ['PUT', '/ops/api/queues/{queue}/policy'],
  pause: ['POST', '/ops/api/queues/{queue}/pause'],
  resume: ['POST', '/ops/api/queues/{queue}/resume'],
});
/**
 * @param {keyof typeof routes} what
 * @param {string} [queue]
 * @param {schemas['PolicyRequest']} [body]
 */
async function ask(what, queue = '', body) {
  const [method, path] = routes[what];
  const response = await fetch(path.replace('{queue}', encodeURIComponent(queue)), {
    method,
    headers: {
      authorization: `Bearer ${sessionStorage.getItem(secretName) ?? ''}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: JSON.stringify(body),
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.title ?? `HTTP ${response.status}`);
  return answer;
}

/** @param {unknown} error */
function show(error) {
  const alert = byId('alert');
  alert.replaceChildren();
  if (error !== null) put(alert, h('div', {}, h('strong', {}, error instanceof Error ? error.message : String(error))));
}

/** @param {string} name */
function words(name) {
  return name.replace(/_seconds(?=_ago$|$)/, '').replaceAll('_', ' ').replace(/^./, (c) => c.toUpperCase());
}
/** @param {number} seconds */
function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
/** As people write it: by the unit in its name. @param {string} name @param {unknown} value @returns {string} */
function plain(name, value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value !== 'number') return String(value);
  if (/_seconds(_ago)?$/.test(name)) return duration(value);
  return (name === 'won' ? '₩' : '') + number.format(value);
}

/** How full a hall is: sold, held, and the rest. @param {Figures} row */
function fullness(row) {
  const total = Number(row.total);
  if (!(total > 0)) return null;
  const share = (/** @type {unknown} */ n) => Math.round((100 * Number(n ?? 0)) / total);
  return svg('svg', { class: 'fullness', viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'room', width: 100, height: 8 }),
    svg('rect', { class: 'held', width: Math.min(100, share(row.sold) + share(row.held)), height: 8 }),
    svg('rect', { class: 'sold', width: share(row.sold), height: 8 }));
}
/** @param {Figures[]} rows */
function table(rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const halls = names.includes('total');
  return h('table', {},
    h('thead', {}, h('tr', {}, names.map((name) => h('th', { scope: 'col' }, words(name))), halls && h('th', { scope: 'col' }, 'Sold and held'))),
    h('tbody', {}, rows.map((row) => h('tr', { class: Number(row.violations) > 0 && 'violated' },
      names.map((name) => h('td', {}, plain(name, row[name]))), halls && h('td', {}, fullness(row))))));
}
/** @param {string} name @param {Figures[]} rows @returns {[boolean, string]} whether all is well, and what to say */
function verdictOn(name, rows) {
  if (name === 'away') return [false, 'These services do not answer; their part is missing here.'];
  const audited = rows.filter((row) => 'violations' in row);
  const broken = audited.filter((row) => row.violations > 0).length;
  if (audited.length === 0) return [true, ''];
  return broken === 0 ? [true, `All ${audited.length} invariants hold.`] : [false, `${broken} of ${audited.length} invariants are violated.`];
}
/** One member of the overview: rows, or figures. Its frame stays, so that focus and scroll survive the refresh. */
class Section {
  #said = '';
  #name;
  /** @param {string} name */
  constructor(name) {
    const title = words(name);
    this.#name = name;
    this.verdict = h('p');
    this.room = h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': title });
    this.element = h('section', { class: 'card' }, h('h2', {}, title), this.verdict, this.room);
  }
  /** @param {Figures} value */
  update(value) {
    const said = JSON.stringify(value);
    if (said === this.#said) return;
    this.#said = said;
    const rows = Array.isArray(value) ? value : null;
    // Services that are away: no news is good news.
    this.element.hidden = this.#name === 'away' && rows?.length === 0;
    const [good, verdict] = verdictOn(this.#name, rows ?? []);
    this.verdict.className = good ? 'well' : 'paused';
    this.verdict.textContent = verdict;
    this.room.replaceChildren(rows === null ? figures(value) : rows.length === 0 ? h('p', { class: 'quiet' }, 'None.') : table(rows));
  }
}
/** @param {Figures} of */
function figures(of) {
  const simple = Object.entries(of).filter(([, value]) => typeof value !== 'object');
  return h('dl', { class: 'figures' }, simple.map(([name, value]) => h('div', {}, h('dt', {}, words(name)), h('dd', {}, plain(name, value)))));
}

const historyMax = 150;
/** A line of the last minutes; its newest value is said beside it. */
class History {
  /** @type {number[]} */
  #values = [];
  #line = svg('polyline', {});
  #now = h('dd');
  /** @param {string} title */
  constructor(title) {
    this.element = h('div', { class: 'history' }, h('dl', {}, h('dt', {}, title), this.#now),
      svg('svg', { viewBox: `0 0 ${historyMax} 40`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.#line));
  }
  /** @param {number} value */
  add(value) {
    this.#values = [...this.#values, value].slice(-historyMax);
    const top = Math.max(1, ...this.#values);
    const first = historyMax - this.#values.length;
    this.#line.setAttribute('points', this.#values.map((one, i) => `${first + i},${38 - (36 * one) / top}`).join(' '));
    this.#now.textContent = plain('', value);
  }
}

/** One queue: figures, pause and resume, and its policy. The form is made once, so that typing survives the refresh. */
class Queue {
  /** @param {schemas['QueueFigures']} queue */
  constructor(queue) {
    this.name = queue.queue;
    const { policy } = queue;
    this.figures = h('div');
    this.waiting = new History('Waiting');
    this.active = new History('Active');
    this.toggle = h('button', { onclick: () => this.#do(this.paused ? 'resume' : 'pause') });
    this.kind = h('select', { id: `${this.name}-kind` },
      ['counter', 'gate', 'both'].map((kind) => h('option', { selected: kind === String(policy.kind).toLowerCase() }, kind)));
    this.inputs = policyMembers.map(([name]) => h('input', {
      id: `${this.name}-${name}`, name, type: 'number', min: 1, required: true, value: policy[name],
    }));
    this.paused = false;
    const form = h('form', { class: 'policy', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); this.#setPolicy(); } },
      h('div', {}, h('label', { for: `${this.name}-kind` }, 'Policy'), this.kind),
      this.inputs.map((input, i) => h('div', {}, h('label', { for: input.id }, policyMembers[i]?.[1]), input)),
      h('button', { class: 'main', type: 'submit' }, 'Set policy'));
    this.element = h('section', { class: 'card', 'aria-label': `Queue ${this.name}` },
      h('h2', {}, `Queue ${this.name}`),
      h('div', { class: 'histories' }, this.waiting.element, this.active.element), this.figures, this.toggle, form);
    this.update(queue);
  }
  /** @param {schemas['QueueFigures']} queue */
  update(queue) {
    const { queue: _, policy, waiting, active, ...rest } = queue;
    this.waiting.add(Number(waiting));
    this.active.add(Number(active));
    this.paused = policy.paused === true;
    this.figures.replaceChildren(figures(rest));
    if (this.paused) put(this.figures, h('p', { class: 'paused' }, 'Paused: nobody is admitted.'));
    this.toggle.textContent = this.paused ? 'Resume' : 'Pause';
  }
  #setPolicy() {
    const numbers = Object.fromEntries(this.inputs.map((input) => [input.name, input.valueAsNumber]));
    void this.#do('policy', /** @type {schemas['PolicyRequest']} */ ({ kind: this.kind.value, ...numbers }));
  }
  /** @param {'policy' | 'pause' | 'resume'} what @param {schemas['PolicyRequest']} [body] */
  async #do(what, body) {
    try {
      await ask(what, this.name, body);
      show(null);
    } catch (error) {
      show(error);
    }
    await refresh();
  }
}

/** @type {Map<string, Queue>} */
const queues = new Map();
/** @type {Map<string, Section>} */
const sections = new Map();
const queueList = h('div');
const rest = h('div');

async function refresh() {
  /** @type {schemas['Overview']} */
  const { queues: lines, ...others } = await ask('overview');
  for (const line of lines) {
    const known = queues.get(line.queue);
    if (known !== undefined) known.update(line);
    else {
      const queue = new Queue(line);
      queues.set(line.queue, queue);
      queueList.append(queue.element);
    }
  }
  for (const [name, value] of Object.entries(others)) {
    if (value === null || typeof value !== 'object') continue;
    const section = sections.get(name) ?? new Section(name);
    if (!sections.has(name)) rest.append(section.element);
    sections.set(name, section);
    section.update(value);
  }
}

function askForSecret() {
  const input = h('input', { id: 'secret', type: 'password', required: true, autocomplete: 'current-password' });
  const enter = (/** @type {Event} */ event) => {
    event.preventDefault();
    sessionStorage.setItem(secretName, input.value);
    void begin();
  };
  view.replaceChildren(h('h1', {}, 'Operations'), h('form', { class: 'card secret', onsubmit: enter },
    h('label', { for: 'secret' }, 'The operations secret'), input, h('button', { class: 'main', type: 'submit' }, 'Enter')));
}

function leave() {
  sessionStorage.removeItem(secretName);
  location.reload();
}

async function begin() {
  try {
    await refresh();
  } catch (error) {
    askForSecret();
    return show(error);
  }
  show(null);
  view.replaceChildren(h('h1', {}, 'Operations'), queueList, rest);
  byId('frame').replaceChildren(h('button', { class: 'plain', onclick: leave }, 'Leave'));
  for (;;) {
    await sleep(refreshMs);
    if (document.hidden) continue;
    await refresh().then(() => show(null), show);
  }
}
if (sessionStorage.getItem(secretName) === null) askForSecret();
else void begin();
