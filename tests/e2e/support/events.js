// A reader of server-sent events over a socket of its own.
import http from 'node:http';

export class EventStream {
  constructor() {
    this.events = []; // { event, id, data } in the order they came; data is parsed
    this.comments = 0;
    this.retry = undefined;
    this.isOver = false;
    this.waiting = [];
    this.rest = '';
  }

  // Resolves once the answer's head is there; refusals throw their problem's code.
  static open(gateway, path, { token, headers = {} } = {}) {
    const stream = new EventStream();
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return new Promise((resolve, reject) => {
      const request = http.get(gateway + path, {
        agent: false,
        headers: { accept: 'text/event-stream', ...authorization, ...headers },
      });
      stream.request = request;
      request.on('error', (error) => {
        stream.#end();
        reject(error);
      });
      request.on('response', (response) => {
        stream.response = response;
        response.setEncoding('utf8');
        response.on('data', (text) => stream.#take(text));
        response.on('error', () => stream.#end());
        response.on('close', () => stream.#end());
        resolve(stream);
      });
    });
  }

  #take(text) {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop();
    for (const block of blocks) this.#takeBlock(block);
  }

  #takeBlock(block) {
    const found = { data: '' };
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon);
      const value = line.slice(colon + 1).replace(/^ /, '');
      if (name === '') this.comments += 1;
      else if (name === 'retry') this.retry = Number(value);
      else if (name === 'data') found.data += value;
      else found[name] = value;
    }
    if (found.data !== '') this.events.push({ ...found, data: JSON.parse(found.data) });
    this.#look();
  }

  #end() {
    this.isOver = true;
    this.#look();
  }

  #look() {
    this.waiting = this.waiting.filter((one) => !one());
  }

  get last() {
    return this.events.at(-1);
  }

  // Resolves with the stream as soon as `isSo(stream)`; rejects when it ends before, or too late.
  until(isSo, what = String(isSo), limitMs = 60000) {
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${why}: ${what}; last ${JSON.stringify(this.last)}`));
      const timer = setTimeout(() => fail('it never came'), limitMs);
      const one = () => {
        if (!isSo(this) && !this.isOver) return false;
        clearTimeout(timer);
        if (isSo(this)) resolve(this);
        else fail('the stream ended');
        return true;
      };
      this.waiting.push(one);
      this.#look();
    });
  }

  untilStatus(status) {
    return this.until((stream) => stream.last?.data.status === status, status);
  }
  untilPosition(position) {
    return this.until((stream) => stream.last?.data.position === position, `position ${position}`);
  }

  close() {
    this.request.destroy();
  }
}
