// What a viewer saw and heard, in a few numbers, told to a server that asks for them. They name nobody.
import { authorization } from './requests.js';

const SECONDS = 30; // between two reports
const MOST_SECONDS = 120; // of one, as the server takes it
const MOST_WAIT = 60; // the same, of a latency, and until the first picture
const LINK = /<([^>]*)>\s*;[^,]*rel="urn:roomcast:viewing"/;

/** Of one session. */
export class ViewingReport {
  #url;
  #token;
  #firstPicture;
  #began = performance.now();
  #before = { freezes: 0, frozenSeconds: 0 };
  #last = null; // statistics
  #concealed = 0; // seconds
  #at = performance.now(); // of the latest statistics
  #latencies = [];

  /**
   * @param {import('./whep-session.js').ReceivingSession} session
   * @param {string} token empty: none
   * @returns {ViewingReport | null} null: the server asks for no reports
   */
  static of(session, token) {
    const { resource, links } = session;
    const [, path] = LINK.exec(links) ?? [];
    return resource && path ? new ViewingReport(new URL(path, resource), token) : null;
  }

  constructor(url, token) {
    this.#url = url;
    this.#token = token;
  }

  /** @param {number} seconds until it was there */
  set firstPicture(seconds) { this.#firstPicture = Math.min(seconds, MOST_WAIT); }

  /** @param {import('./receiving-stats.js').Stats} stats of each second */
  add(stats) {
    const now = performance.now();
    this.#concealed += stats.concealed * (now - this.#at) / 1000;
    this.#at = now;
    this.#last = stats;
    if (stats.latency !== undefined) this.#latencies.push(stats.latency);
    if (now - this.#began >= 1000 * SECONDS) this.send();
  }

  /** Sends what is known since the last report; also from a page that is about to go. */
  send() {
    if (!this.#last) return;
    const [before, last, now] = [this.#before, this.#last, performance.now()];
    const seconds = Math.min((now - this.#began) / 1000, MOST_SECONDS);
    const latencies = this.#latencies;
    const latency = latencies.length ? latencies.reduce((sum, each) => sum + each) / latencies.length : undefined;
    const report = {
      seconds,
      firstPicture: this.#firstPicture,
      stills: last.freezes - before.freezes,
      stillSeconds: Math.min(last.frozenSeconds - before.frozenSeconds, seconds),
      concealedSeconds: Math.min(this.#concealed, seconds),
      lines: last.height,
      latency: latency && Math.min(latency, MOST_WAIT),
    };
    fetch(this.#url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...authorization(this.#token) },
      body: JSON.stringify(report),
      keepalive: true,
    }).catch(() => {}); // the next one comes, or none does
    this.#began = now;
    this.#before = last;
    this.#last = this.#firstPicture = undefined;
    this.#concealed = 0;
    this.#latencies = [];
  }
}
