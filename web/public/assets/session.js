// Who I am and my place in line: kept over reloads, followed while the page is open.
import { Api, asRefusal } from './api.js';
import { sleep } from './dom.js';

/** @typedef {import('./api.js').schemas} schemas */
/** @typedef {schemas['Place']} Place */

const pollMsMin = 500;
const pollMsMax = 15000;
// After a stream could not be had, so many polls pass before the next try.
const pollsBetweenStreams = 5;

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
  }

  get hasToken() {
    return this.api.token !== '';
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

  async join() {
    const place = await this.api.ask('joinLine', { body: { user_id: this.userId, queue: 'main' } });
    this.api.token = place.token;
    write('token', place.token);
    this.#take(place);
    this.follow();
  }
  async leave() {
    this.#following?.abort();
    await this.api.ask('leaveLine');
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

  /** Keeps the place fresh until it ends: by the stream while the page is seen, else by asking. */
  follow() {
    this.#following?.abort();
    const { signal } = (this.#following = new AbortController());
    void this.#run(signal);
  }
  /** @param {AbortSignal} signal */
  async #run(signal) {
    for (let polls = 0; !signal.aborted && this.place?.status !== 'EXPIRED'; polls++) {
      if (polls % pollsBetweenStreams === 0 && !document.hidden && (await this.#stream(signal))) polls = -1;
      if (signal.aborted) return;
      try {
        await this.look();
      } catch (error) {
        if (asRefusal(error).code === 'TOKEN_INVALID') return this.forget();
      }
      const wait = Math.min(Math.max(this.place?.next_poll_ms ?? 0, pollMsMin), pollMsMax);
      await sleep(wait, signal);
    }
  }
  /**
   * @param {AbortSignal} signal
   * @returns {Promise<boolean>} whether there was a stream, now over
   */
  async #stream(signal) {
    const stop = new AbortController();
    const end = () => stop.abort();
    // Browsers open six connections to a server: tabs that nobody sees give theirs back.
    const hide = () => document.hidden && end();
    signal.addEventListener('abort', end, { once: true });
    document.addEventListener('visibilitychange', hide);
    let any = false;
    try {
      for await (const { event, data } of this.api.events('watchPlace', { signal: stop.signal })) {
        any = true;
        if (event === 'place' && !signal.aborted) this.#take({ ...JSON.parse(data), token: this.api.token });
      }
    } catch {
      // Polling goes on where the stream broke.
    } finally {
      signal.removeEventListener('abort', end);
      document.removeEventListener('visibilitychange', hide);
    }
    return any;
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
