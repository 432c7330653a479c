// A publisher for any page: sends a MediaStream by WHIP (RFC 9725), and keeps sending it.
// Its twin is whep-player.js; docs/embedding.md shows how to use both.
import { Refused } from './server.js';
import { NotConnected } from './session.js';
import { SendingSession } from './whip-session.js';

const BACKOFF_SECONDS = [0.5, 1, 2, 4, 8];
const TAKEN_SECONDS = 45; // for so long a room may still seem taken by the session that we lost

/**
 * Publishes to one WHIP endpoint until it is told to stop.
 *
 * Events, all of them `CustomEvent`s:
 * - `state`, detail `{state, reason?, error?}`: `connecting`, `live`, `reconnecting`, `stopped`; `ended`, with the
 *   server's `reason`: it closed the session for good; `failed`, with the `error`.
 * - `stats`, detail `Stats` (sending-stats.js), each second while live.
 * - `error`, detail `{error, retryIn?}`: a try failed; without `retryIn` (seconds) it was the last one.
 *
 * @typedef {import('./whip-session.js').PublishOptions} PublishOptions
 */
export class WhipPublisher extends EventTarget {
  #endpoint;
  #token;
  #iceServers;
  #stream = null;
  #options = {};
  #session = null;
  #run = null; // names the present call of `publish`; another one, or null, ends it
  #wake = () => {};
  #state = 'stopped';

  /**
   * @param {string | URL} endpoint `https://host/api/whip/publish/room`
   * @param {object} [options]
   * @param {string} [options.token] sent as Bearer token
   * @param {RTCIceServer[] | (() => Promise<RTCIceServer[]>)} [options.iceServers] asked for each session anew
   */
  constructor(endpoint, { token = '', iceServers = [] } = {}) {
    super();
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.#token = token;
    this.#iceServers = iceServers;
  }

  get state() { return this.#state; }

  /**
   * Publishes `stream`, and goes on after network changes, lost connections and restarts of the server.
   * @param {MediaStream} stream stays the caller's: its tracks are not stopped
   * @param {PublishOptions} [options]
   * @returns {Promise<void>} fulfilled once media flows, or when `stop` was called before
   * @throws {Refused} the server refused, and another try would not help
   */
  async publish(stream, options = {}) {
    this.stop();
    const run = this.#run = Symbol('run');
    this.#stream = stream;
    this.#options = { ...options };
    addEventListener('pagehide', this.#leave);
    addEventListener('online', this.#recover);
    await new Promise((resolve, reject) => { this.#keepPublishing(run, resolve, reject); });
  }

  /** Ends the session, here and on the server. */
  stop() {
    if (this.#run) this.#finish('stopped');
  }

  /**
   * Sends another track instead of the one of its kind, in the same session: another camera, the screen.
   * @param {MediaStreamTrack} track
   */
  async replaceTrack(track) {
    for (const old of this.#stream.getTracks()) {
      if (old.kind === track.kind) this.#stream.removeTrack(old);
    }
    this.#stream.addTrack(track);
    await this.#session?.replaceTrack(track);
  }

  /** Changes limits while publishing; the codec stays. @param {PublishOptions} options */
  async update(options) {
    Object.assign(this.#options, options);
    await this.#session?.limit(this.#options);
  }

  async #keepPublishing(run, whenLive, whenRefused) {
    const wanted = () => this.#run === run;
    let tries = 0;
    let lostAt = null; // when media last flowed
    while (wanted()) {
      this.#tell(lostAt === null ? 'connecting' : 'reconnecting');
      const session = this.#session = this.#newSession();
      let pause = 0;
      try {
        await session.open(this.#stream, await this.#servers(), this.#options);
        if (!wanted()) break;
        tries = 0;
        this.#tell('live');
        whenLive();
        const reason = await session.over;
        lostAt = performance.now();
        if (reason && wanted()) this.#finish('ended', { reason });
      } catch (error) {
        if (!wanted()) break;
        if (!mayPass(error, lostAt)) {
          this.#emit('error', { error });
          this.#finish('failed', { error });
          whenRefused(error);
          return;
        }
        pause = error.retryAfter || backoff(tries);
        tries += 1;
        this.#emit('error', { error, retryIn: pause });
      } finally {
        session.close();
      }
      if (pause && wanted()) await this.#sleep(pause);
    }
    whenLive(); // stopped: nothing is left to wait for
  }

  #newSession() {
    return new SendingSession(this.#endpoint, this.#token, {
      stats: (stats) => this.#emit('stats', stats),
      interrupted: () => this.#tell('reconnecting'),
      resumed: () => this.#tell('live'),
    });
  }

  async #servers() {
    if (typeof this.#iceServers !== 'function') return this.#iceServers;
    return this.#iceServers().catch((error) => { throw new NotConnected(error.message); });
  }

  #leave = () => this.stop();

  #recover = () => this.#session?.recover();

  #finish(state, detail = {}) {
    this.#run = null;
    removeEventListener('pagehide', this.#leave);
    removeEventListener('online', this.#recover);
    this.#session?.close();
    this.#session = null;
    this.#wake();
    this.#tell(state, detail);
  }

  #tell(state, detail = {}) {
    if (state === this.#state) return;
    this.#state = state;
    this.#emit('state', { state, ...detail });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #sleep(seconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, 1000 * seconds);
    });
  }
}

/** Whether the same request may succeed later. @param {Error} error @param {number | null} lostAt */
function mayPass(error, lostAt) {
  if (!(error instanceof Refused)) return error instanceof NotConnected;
  if (error.status === 409) return lostAt !== null && performance.now() - lostAt < 1000 * TAKEN_SECONDS;
  return error.status === 429 || error.status >= 502;
}

/** Seconds until the next try: longer each time, and not the same for all who lost the server at once. */
function backoff(tries) {
  return BACKOFF_SECONDS[Math.min(tries, BACKOFF_SECONDS.length - 1)] * (0.5 + Math.random() / 2);
}
