// The gateway's operations by name, with the types that are generated from web/openapi.json.

/** @typedef {import('../../node_modules/.types/api').operations} operations */
/** @typedef {import('../../node_modules/.types/api').paths} paths */
/** @typedef {import('../../node_modules/.types/api').components['schemas']} schemas */
/** @typedef {schemas['Problem']} ProblemBody */
/**
 * @template {keyof operations} O
 * @typedef {operations[O]['responses'] extends infer R
 *   ? { [S in keyof R & (200 | 201 | 202)]: R[S] extends { content: { 'application/json': infer B } } ? B : never }[keyof R & (200 | 201 | 202)]
 *   : never} Answer
 */
/**
 * @template {keyof operations} O
 * @typedef {operations[O] extends { requestBody: { content: { 'application/json': infer B } } } ? B : undefined} Body
 */
/**
 * @template {keyof operations} O
 * @typedef {object} Request
 * @property {Record<string, string>} [path]
 * @property {Record<string, string>} [query]
 * @property {Body<O>} [body]
 * @property {string} [key] of one intent; the same for each repeat of it
 * @property {AbortSignal} [signal]
 */

/** @satisfies {{ [O in keyof operations]?: readonly [string, keyof paths] }} */
const routes = /** @type {const} */ ({
  joinLine: ['POST', '/v1/queue/tokens'],
  getPlace: ['GET', '/v1/queue/tokens/me'],
  leaveLine: ['DELETE', '/v1/queue/tokens/me'],
  watchPlace: ['GET', '/v1/queue/events'],
  listConcerts: ['GET', '/v1/concerts'],
  listDates: ['GET', '/v1/concerts/{concert_id}/dates'],
  listSeats: ['GET', '/v1/concerts/{concert_id}/dates/{date}/seats'],
  watchSeats: ['GET', '/v1/concerts/{concert_id}/dates/{date}/events'],
  reserve: ['POST', '/v1/reservations'],
  listReservations: ['GET', '/v1/reservations'],
  getReservation: ['GET', '/v1/reservations/{reservation_id}'],
  cancelReservation: ['DELETE', '/v1/reservations/{reservation_id}'],
  getBalance: ['GET', '/v1/users/{user_id}/balance'],
  charge: ['POST', '/v1/users/{user_id}/charges'],
  listTransactions: ['GET', '/v1/users/{user_id}/transactions'],
  pay: ['POST', '/v1/payments'],
  listPayments: ['GET', '/v1/payments'],
  getPayment: ['GET', '/v1/payments/{payment_id}'],
  getTime: ['GET', '/v1/time'],
});
/** @typedef {keyof typeof routes} Operation */

// How often a request that never came through, or met a busy service, is sent again: every one of ours is safe to
// repeat. More would keep people waiting for an error.
const attemptsMax = 4;
const retryAfterMsMax = 5000;

/** A refusal with its code, or NETWORK when there was no answer. */
export class Refusal extends Error {
  /**
   * @param {Omit<Partial<ProblemBody>, 'code'> & { code: string }} problem
   * @param {number} [retryAfterMs] how long the server asked to wait
   */
  constructor(problem, retryAfterMs = 0) {
    super(problem.title ?? problem.code);
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
    this.code = problem.code;
  }
}

export class Api {
  token = '';
  /** The sign-in of whoever joins the line, where the box office asks for one. */
  identity = '';
  language = 'en';
  /** What was read last at an address, with its version: an answer that is the same is not sent again. */
  #known = { address: '', tag: '', body: /** @type {any} */ (null) };

  /**
   * @param {Operation} operation
   * @param {Request<any>} request
   */
  #addressOf(operation, { path = {}, query }) {
    const where = routes[operation][1].replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name] ?? ''));
    return where + (query === undefined ? '' : `?${new URLSearchParams(query)}`);
  }
  /**
   * @param {Operation} operation
   * @param {Request<any>} request
   */
  #open(operation, request) {
    const { body, key, signal } = request;
    const [method] = routes[operation];
    const address = this.#addressOf(operation, request);
    /** @type {Record<string, string>} */
    const headers = { 'accept-language': this.language };
    // Who joins has no turn yet: that route alone takes a sign-in, and never a queue token.
    const bearer = operation === 'joinLine' ? this.identity : this.token;
    if (bearer !== '') headers.authorization = `Bearer ${bearer}`;
    if (key !== undefined) headers['idempotency-key'] = key;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method === 'GET' && address === this.#known.address) headers['if-none-match'] = this.#known.tag;
    return fetch(address, { method, headers, body: JSON.stringify(body), signal });
  }

  /**
   * @template {Operation} O
   * @param {O} operation
   * @param {Request<O>} [request]
   * @returns {Promise<Answer<O>>}
   */
  async ask(operation, request = {}) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(operation, request);
      } catch (error) {
        const refusal = asRefusal(error);
        const again = ['NETWORK', 'OVERLOADED', 'UNAVAILABLE', 'TIMEOUT', 'CONFLICT', 'IDEMPOTENCY_IN_PROGRESS'];
        if (!again.includes(refusal.code) || attempt >= attemptsMax || request.signal?.aborted) throw refusal;
        const due = Math.max(300 * 2 ** (attempt - 1), Math.min(refusal.retryAfterMs, retryAfterMsMax));
        await new Promise((resolve) => setTimeout(resolve, due * (1 + Math.random() / 2)));
      }
    }
  }

  /**
   * @template {Operation} O
   * @param {O} operation
   * @param {Request<O>} request
   * @returns {Promise<Answer<O>>}
   */
  async #once(operation, request) {
    const known = this.#known;
    const response = await this.#open(operation, request);
    if (response.status === 304) return known.body;
    if (!response.ok) throw await refusalOf(response);
    if (response.status === 204) return /** @type {Answer<O>} */ (undefined);
    const body = await response.json();
    const tag = response.headers.get('etag');
    if (tag !== null) this.#known = { address: this.#addressOf(operation, request), tag, body };
    return body;
  }

  /**
   * Server-sent events, by fetch: EventSource cannot send a token.
   * @param {'watchPlace' | 'watchSeats'} operation
   * @param {{ path?: Record<string, string>, signal: AbortSignal }} request
   * @returns {AsyncGenerator<{ event: string, data: string }>}
   */
  async *events(operation, request) {
    const response = await this.#open(operation, request);
    if (!response.ok || response.body === null) throw await refusalOf(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event.data !== '') yield event;
      }
    }
  }
}

/** @param {string} block */
export function parseEvent(block) {
  let event = 'message';
  const data = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim();
    if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
  }
  return { event, data: data.join('\n') };
}

/** @param {Response} response */
async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('retry-after'));
  return new Refusal({ code: 'INTERNAL', ...problem }, Number.isFinite(seconds) ? seconds * 1000 : 0);
}

/** @param {unknown} error */
export function asRefusal(error) {
  return error instanceof Refusal ? error : new Refusal({ code: 'NETWORK' });
}
