// The operator's view: what the line, the seats and the payments are at, and how the line admits.
import { byId, h, put, sleep } from './dom.js';

/** @typedef {any} Figures the overview: its shape is checked where the document is */

const refreshMs = 2000;
const secretName = 'boxoffice.ops'; // for this tab only
const policyMembers = /** @type {const} */ ([
  ['capacity', 'Active at most'], ['admit_batch', 'Enter at a time'], ['admit_interval_ms', 'Every (ms)'],
  ['active_ttl_ms', 'A turn lasts (ms)'], ['absent_ms', 'Absent after (ms)'],
]);
const view = byId('view');

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function ask(method, path, body) {
  const response = await fetch(`/ops/api/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${sessionStorage.getItem(secretName) ?? ''}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw Object.assign(new Error(answer?.title ?? `HTTP ${response.status}`), { status: response.status });
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
  return name.replaceAll('_', ' ').replace(/^./, (c) => c.toUpperCase());
}
/** @param {unknown} value @returns {string} */
function plain(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return new Intl.NumberFormat('en').format(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** @param {string} title @param {Figures[]} rows */
function table(title, rows) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return h('section', { class: 'card' }, h('h2', {}, title),
    rows.length === 0 ? h('p', { class: 'quiet' }, 'None.') : h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': title },
      h('table', {},
        h('thead', {}, h('tr', {}, names.map((name) => h('th', { scope: 'col' }, words(name))))),
        h('tbody', {}, rows.map((row) => h('tr', {}, names.map((name) => h('td', {}, plain(row[name])))))))));
}
/** @param {Figures} of */
function figures(of) {
  const simple = Object.entries(of).filter(([, value]) => typeof value !== 'object');
  return h('dl', { class: 'figures' }, simple.map(([name, value]) => h('div', {}, h('dt', {}, words(name)), h('dd', {}, plain(value)))));
}

/** One queue: figures, pause and resume, and its policy. The form is made once, so that typing survives the refresh. */
class Queue {
  /** @param {Figures} queue */
  constructor(queue) {
    this.name = queue.queue;
    const { policy } = queue;
    this.figures = h('div');
    this.toggle = h('button', { onclick: () => this.#do('POST', this.paused ? 'resume' : 'pause') });
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
      h('h2', {}, `Queue ${this.name}`), this.figures, this.toggle, form);
    this.update(queue);
  }
  /** @param {Figures} queue */
  update(queue) {
    const { queue: _, policy, ...rest } = queue;
    this.paused = policy.paused === true;
    this.figures.replaceChildren(figures(rest));
    if (this.paused) put(this.figures, h('p', { class: 'paused' }, 'Paused: nobody is admitted.'));
    this.toggle.textContent = this.paused ? 'Resume' : 'Pause';
  }
  #setPolicy() {
    const numbers = Object.fromEntries(this.inputs.map((input) => [input.name, input.valueAsNumber]));
    void this.#do('PUT', 'policy', { kind: this.kind.value, ...numbers });
  }
  /** @param {string} method @param {string} what @param {object} [body] */
  async #do(method, what, body) {
    try {
      await ask(method, `queues/${encodeURIComponent(this.name)}/${what}`, body);
      show(null);
    } catch (error) {
      show(error);
    }
    await refresh();
  }
}

/** @type {Map<string, Queue>} */
const queues = new Map();
const queueList = h('div');
const rest = h('div');

async function refresh() {
  const { queues: lines = [], ...others } = await ask('GET', 'overview');
  for (const line of lines) {
    const known = queues.get(line.queue);
    if (known !== undefined) known.update(line);
    else {
      const queue = new Queue(line);
      queues.set(line.queue, queue);
      queueList.append(queue.element);
    }
  }
  rest.replaceChildren();
  for (const [name, value] of Object.entries(others))
    if (Array.isArray(value)) put(rest, table(words(name), value));
    else if (value !== null && typeof value === 'object') put(rest, h('section', { class: 'card' }, h('h2', {}, words(name)), figures(value)));
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
