// As much of a browser as the page's logic asks for, and a server that answers what a test says.
const kept = new Map();
export const storage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, String(value)),
  removeItem: (name) => kept.delete(name),
  clear: () => kept.clear(),
};

class Page extends EventTarget {
  hidden = false;
  hide(hidden) {
    this.hidden = hidden;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

export const page = new Page();
Object.assign(globalThis, { localStorage: storage, sessionStorage: storage, document: page });

/** What was asked, in order. */
export const asked = [];
/** @param {(request: { method: string, address: string, headers: Record<string, string>, body?: string, signal?: AbortSignal }, n: number) => Response | Promise<Response>} answer */
export function serve(answer) {
  asked.length = 0;
  globalThis.fetch = async (address, { method, headers, body, signal }) => {
    const request = { method, address, headers, body, signal };
    asked.push(request);
    return answer(request, asked.length);
  };
}
export function json(body, status = 200, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}
/** @param {string[]} parts as they come over the wire @param {AbortSignal} [signal] keeps the stream open until then */
export function events(parts, signal) {
  const encoder = new TextEncoder();
  const stream = new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(encoder.encode(part));
      if (signal === undefined) controller.close();
      else signal.addEventListener('abort', () => controller.error(new Error('gone')), { once: true });
    },
  });
  return new Response(stream, { status: 200, headers: { 'content-type': 'text/event-stream' } });
}
/** Waits do not wait: what they were asked to is noted. */
export function withoutWaiting() {
  const waits = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = (work, ms = 0) => {
    waits.push(ms);
    return real(work, 0);
  };
  return { waits, restore: () => { globalThis.setTimeout = real; } };
}
