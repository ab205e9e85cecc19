// Staying up to date: by server-sent events while the page is seen, else by asking.
import { sleep } from './dom.js';

/** @typedef {import('./api.js').Api} Api */

// After a stream could not be had, so many looks pass before the next try.
const looksBetweenStreams = 5;

/**
 * Goes on until the signal ends, or `look` says that it is over.
 * @param {object} how
 * @param {Api} how.api
 * @param {'watchPlace' | 'watchSeats'} how.operation
 * @param {Record<string, string>} [how.path]
 * @param {(event: string, data: string) => void | Promise<void>} how.take one event
 * @param {() => Promise<boolean>} how.look asks once; false when there is nothing more to follow
 * @param {() => number} how.waitMs until the next look
 * @param {(live: boolean) => void} [how.onLive] whether a stream is open
 * @param {AbortSignal} signal
 */
export async function follow(how, signal) {
  for (let looks = 0; !signal.aborted; looks++) {
    if (looks % looksBetweenStreams === 0 && !document.hidden && (await stream(how, signal))) looks = -1;
    if (signal.aborted || !(await how.look())) return;
    await sleep(how.waitMs(), signal);
  }
}

/**
 * @param {Parameters<typeof follow>[0]} how
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether there was a stream, now over
 */
async function stream({ api, operation, path, take, onLive = () => {} }, signal) {
  const stop = new AbortController();
  const end = () => stop.abort();
  // Browsers open six connections to a server: tabs that nobody sees give theirs back.
  const hide = () => document.hidden && end();
  signal.addEventListener('abort', end, { once: true });
  document.addEventListener('visibilitychange', hide);
  let any = false;
  try {
    for await (const { event, data } of api.events(operation, { path, signal: stop.signal })) {
      if (signal.aborted) break;
      if (!any) onLive(true);
      any = true;
      await take(event, data);
    }
  } catch {
    // Asking goes on where the stream broke, and says what is wrong if something is.
  } finally {
    signal.removeEventListener('abort', end);
    document.removeEventListener('visibilitychange', hide);
    onLive(false);
  }
  return any;
}
