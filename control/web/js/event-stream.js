// Server-sent events that require a token: an `EventSource` cannot send one.
import { authorization, Refused } from './server.js';

const AGAIN_MS = [500, 1000, 2000, 5000]; // after failures in a row; the last one from then on
const SILENT_MS = 45_000; // the server says something each 15 s

/** A stream that is open while the page is visible, and is opened again when it breaks off. */
export class EventStream {
  #url;
  #token;
  #on;
  #run = null; // an AbortController; null: not open
  #failures = 0;
  #again = null;

  /**
   * @param {URL} url
   * @param {string} token empty: none
   * @param {object} on
   * @param {(name: string, data: object) => void} on.event
   * @param {(error: Error) => void} on.lost it broke off, or could not be opened; it is tried again
   * @param {(refused: Refused) => void} on.refused the token opens nothing: it is over
   */
  constructor(url, token, on) {
    this.#url = url;
    this.#token = token;
    this.#on = on;
    document.addEventListener('visibilitychange', this.#look);
    this.#look();
  }

  close() {
    document.removeEventListener('visibilitychange', this.#look);
    this.#end();
  }

  #look = () => {
    if (document.hidden) this.#end();
    else if (!this.#run) this.#follow();
  };

  #end() {
    clearTimeout(this.#again);
    this.#run?.abort();
    this.#run = null;
  }

  async #follow() {
    clearTimeout(this.#again);
    const run = this.#run = new AbortController();
    try {
      await this.#read(run);
      if (run.signal.aborted) return;
      throw new TypeError('the stream has ended');
    } catch (error) {
      if (this.#run !== run) return; // closed, or hidden
      this.#run = null;
      if (error instanceof Refused && error.status === 401) {
        this.close();
        this.#on.refused(error);
        return;
      }
      run.abort();
      if (this.#failures > 0) this.#on.lost(error); // a control process that stops hands over to another
      this.#again = setTimeout(this.#look, AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length - 1)]);
      this.#failures += 1;
    }
  }

  async #read(/** @type {AbortController} */ run) {
    const response = await fetch(this.#url, {
      headers: { Accept: 'text/event-stream', ...authorization(this.#token) },
      cache: 'no-store',
      signal: run.signal,
    });
    if (!response.ok) throw await Refused.from(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new Events(this.#on.event);
    for (;;) {
      const silent = setTimeout(() => reader.cancel(), SILENT_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silent));
      if (done) return;
      this.#failures = 0;
      if (this.#run === run) events.take(value);
    }
  }
}

/** Text of a stream, put together to events (HTML 9.2.6), as far as our server uses them. */
class Events {
  #on;
  #rest = '';

  /** @param {(name: string, data: object) => void} on */
  constructor(on) { this.#on = on; }

  take(/** @type {string} */ text) {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop();
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => {
        const colon = line.indexOf(': ');
        return [line.slice(0, colon), line.slice(colon + 2)];
      }));
      if (fields.has('event') && fields.has('data')) this.#on(fields.get('event'), JSON.parse(fields.get('data')));
    }
  }
}
