// Who I am and my place in line: kept over reloads, followed while the page is open.
import { Api, asRefusal } from './api.js';
import { follow } from './follow.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {schemas['Place']} Place */

const identityName = 'boxoffice.identity'; // for this tab only
const pollMsMin = 500;
const pollMsMax = 15000;

export class Session {
  api = new Api();
  /** @type {Place | null} */
  place = null;
  clockOffsetMs = 0;
  /** @type {(before: Place | null) => void} */
  onPlace = () => {};
  /** @type {AbortController | null} */
  #following = null;

  constructor() {
    this.userId = read('user') ?? crypto.randomUUID();
    write('user', this.userId);
    this.api.token = read('token') ?? '';
    this.api.identity = sessionStorage.getItem(identityName) ?? '';
  }

  /**
   * A site that signs people in leads here with `#identity=<JWT>`: what stands behind # is sent to no server and stands in no log.
   * @param {string} hash of the address
   * @returns {boolean} whether there was one
   */
  takeIdentity(hash) {
    const jwt = /^#identity=([\w-]+\.([\w-]+)\.[\w-]+)$/.exec(hash);
    const subject = jwt === null ? undefined : subjectOf(jwt[2] ?? '');
    if (jwt === null || subject === undefined) return false;
    this.api.identity = jwt[1] ?? '';
    sessionStorage.setItem(identityName, this.api.identity);
    if (subject === this.userId) return true;
    this.userId = subject;
    write('user', subject);
    this.forget();
    return true;
  }

  get hasToken() {
    return this.api.token !== '';
  }

  get #isOver() {
    return !this.hasToken || this.place?.status === 'EXPIRED';
  }

  /** The server's clock, which holds and turns end by. */
  now() {
    return Date.now() + this.clockOffsetMs;
  }
  async setClock() {
    const before = Date.now();
    const { unix_ms } = await this.api.ask('getTime');
    this.clockOffsetMs = unix_ms - (before + Date.now()) / 2;
  }

  /** @param {string} [queue] the line of the concert that is wanted; the main one stands before all that have none */
  async join(queue = 'main') {
    const place = await this.api.ask('joinLine', { body: { user_id: this.userId, queue } });
    this.api.token = place.token;
    write('token', place.token);
    this.#take(place);
    this.follow();
  }
  async leave() {
    this.#following?.abort();
    await this.api.ask('leaveLine');
    // A seat that is held stays held; whoever comes back finds it.
    this.forget();
  }
  forget() {
    this.#following?.abort();
    this.api.token = '';
    write('token', null);
    const before = this.place;
    this.place = null;
    this.onPlace(before);
  }
  /** Another person on this device. */
  becomeSomeoneNew() {
    for (const name of ['user', 'token', 'concerts']) write(name, null);
    sessionStorage.removeItem(identityName);
    location.hash = '';
    location.reload();
  }

  async look() {
    this.#take(await this.api.ask('getPlace'));
  }
  /** @param {Place} place */
  #take(place) {
    const before = this.place;
    this.place = place;
    this.onPlace(before);
  }
  /** A refusal said so before the next look would. */
  markExpired() {
    if (this.place !== null) this.#take({ ...this.place, status: 'EXPIRED' });
  }

  /** Keeps the place fresh until it ends. */
  follow() {
    this.#following?.abort();
    const { signal } = (this.#following = new AbortController());
    void follow({
      api: this.api,
      operation: 'watchPlace',
      take: (event, data) => { if (event === 'place') this.#take({ ...JSON.parse(data), token: this.api.token }); },
      look: async () => {
        try {
          if (this.#isOver) return false;
          await this.look();
        } catch (error) {
          if (asRefusal(error).code === 'TOKEN_INVALID') this.forget();
        }
        return !this.#isOver;
      },
      waitMs: () => Math.min(Math.max(this.place?.next_poll_ms ?? 0, pollMsMin), pollMsMax),
    }, signal);
  }

  /**
   * What a ticket says of its concert, as the catalog is only for those whose turn it is.
   * @param {schemas['Concert'][]} concerts
   */
  rememberConcerts(concerts) {
    const known = JSON.parse(read('concerts') ?? '{}');
    for (const concert of concerts) known[concert.concert_id] = concert;
    write('concerts', JSON.stringify(known));
  }
  /**
   * @param {string} id
   * @returns {schemas['Concert'] | undefined}
   */
  concert(id) {
    return JSON.parse(read('concerts') ?? '{}')[id];
  }

  /**
   * One key for one intent, over reloads too: a payment whose answer was lost is asked for, not made, again.
   * @param {string} intent
   */
  keyOf(intent) {
    const name = `key.${intent}`;
    const key = read(name) ?? crypto.randomUUID();
    write(name, key);
    return key;
  }
  /** @param {string} intent */
  dropKey(intent) {
    write(`key.${intent}`, null);
  }
}

/** @param {string} claims base64url @returns {string | undefined} */
function subjectOf(claims) {
  try {
    const { sub } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
    return typeof sub === 'string' && sub !== '' ? sub : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} name */
export function read(name) {
  return localStorage.getItem(`boxoffice.${name}`);
}
/**
 * @param {string} name
 * @param {string | null} value
 */
export function write(name, value) {
  if (value === null) localStorage.removeItem(`boxoffice.${name}`);
  else localStorage.setItem(`boxoffice.${name}`, value);
}
