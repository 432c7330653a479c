// A publisher for any page: sends a MediaStream by WHIP (RFC 9725), and reconnects until it is stopped.
// whep-player.js is its counterpart; docs/embedding.md shows how to use both.
import { backoff, iceServersNow, Reports, Run } from './reconnecting.js';
import { Refused } from './requests.js';
import { NotConnected } from './session.js';
import { SendingSession } from './whip-session.js';

const BACKOFF_SECONDS = [0.5, 1, 2, 4, 8];
const TAKEN_SECONDS = 45; // for which the session that we lost may still occupy the room
const UNSEEN_SECONDS = 10; // the same of one of which nobody saw the answer: it waits for us to connect
// By endpoint, when such an offer was left. It may be that of another publisher: a component that is mounted twice
// has two.
const unseen = new Map();

/**
 * `ended`: the server closed the session for good.
 * @typedef {'connecting' | 'live' | 'reconnecting' | 'stopped' | 'ended' | 'failed'} PublisherState
 *
 * @typedef {object} PublisherEvents by name, the `detail` of each
 * @property {{ state: PublisherState, reason?: string, error?: Error }} state `ended` with the server's `reason`,
 *   `failed` with the `error`
 * @property {import('./sending-stats.js').Stats} stats each second while live
 * @property {{ error: Error, retryIn?: number }} error an attempt failed; without `retryIn` (seconds) it was the last
 *
 * @typedef {import('./whip-session.js').PublishOptions} PublishOptions
 */

/** Publishes to one WHIP endpoint until it is stopped. Its events are `PublisherEvents`. */
export class WhipPublisher extends /** @type {new () => import('./reconnecting.js').Reporting<PublisherEvents>} */ (EventTarget) {
  #endpoint;
  #token;
  #iceServers;
  #reports = /** @type {Reports<PublisherState>} */ (new Reports(this));
  #run = null; // the present call of `publish`; null: stopped
  #stream = null;
  #options = {};
  #session = null;
  #lostAt = null; // when media last flowed in this run

  /**
   * @param {string | URL} endpoint `https://host/api/whip/publish/room`
   * @param {object} [options]
   * @param {string} [options.token] sent as Bearer token
   * @param {RTCIceServer[] | (() => RTCIceServer[] | Promise<RTCIceServer[]>)} [options.iceServers] asked for each session anew
   */
  constructor(endpoint, { token = '', iceServers = [] } = {}) {
    super();
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.#token = token;
    this.#iceServers = iceServers;
  }

  /** @returns {PublisherState} */
  get state() { return this.#reports.state; }

  /**
   * Publishes `stream`; survives network changes, lost connections and restarts of the server.
   * @param {MediaStream} stream stays the caller's: its tracks are not stopped
   * @param {PublishOptions} [options]
   * @returns {Promise<void>} fulfilled once media flows, or when `stop` was called before; at once, if a listener
   *   that is told that the former stream is `stopped` publishes by itself: then that call holds
   * @throws {Refused} the server refused, and another attempt would not help
   */
  async publish(stream, options = {}) {
    this.stop();
    if (this.#run) return; // a listener publishes again
    const run = this.#run = new Run({ leave: () => this.stop(), recover: () => this.#session?.recover() });
    this.#stream = stream;
    this.#options = { ...options };
    this.#lostAt = null;
    await new Promise((live, refused) => {
      run.repeat((succeeded) => this.#publishOnce(run, () => { succeeded(); live(); }), {
        pauseAfter: (error, failures) => pauseAfter(error, failures, this.#mayBeTakenUntil),
        failed: (error, retryIn) => this.#noteFailure(error, retryIn, run),
      }).then(live, refused);
    });
  }

  /** Ends the session, here and on the server. */
  stop() {
    if (this.#run) this.#finish('stopped');
  }

  /**
   * Sends another track instead of the one of its kind, in the same session: another camera, the screen.
   * @param {MediaStreamTrack} track
   * @throws {TypeError} none of its kind is published: that takes `publish`, with another stream
   */
  async replaceTrack(track) {
    const replaced = this.#stream?.getTracks().filter(({ kind }) => kind === track.kind) ?? [];
    if (replaced.length === 0) throw new TypeError(`no ${track.kind} track is published`);
    for (const old of replaced) this.#stream.removeTrack(old);
    this.#stream.addTrack(track);
    await this.#session?.replaceTrack(track);
  }

  /** Changes limits while publishing; the codec stays. @param {PublishOptions} options */
  async update(options) {
    Object.assign(this.#options, options);
    await this.#session?.limit(this.#options);
  }

  /** One session to its end. Returns the seconds until the next. */
  async #publishOnce(run, succeeded) {
    this.#reports.change(this.#lostAt === null ? 'connecting' : 'reconnecting');
    if (!run.wanted) return 0; // a listener has stopped it
    const session = this.#session = this.#newSession();
    try {
      await session.send(this.#stream, await iceServersNow(this.#iceServers), this.#options);
      if (!run.wanted) return 0;
      this.#reports.change('live');
      succeeded();
      const reason = await session.over;
      this.#lostAt = performance.now();
      if (reason && run.wanted) this.#finish('ended', { reason });
      return 0;
    } catch (error) {
      if (!(error instanceof Refused) || error.status >= 502) this.#leaveUnseen(); // a proxy may have lost it
      throw error;
    } finally {
      session.close();
    }
  }

  /** An offer's answer may come when nobody waits for it any more. */
  #leaveUnseen() {
    unseen.set(this.#endpoint.href, performance.now());
  }

  /** Until when a session of ours may occupy the room. */
  get #mayBeTakenUntil() {
    const left = unseen.get(this.#endpoint.href) ?? -Infinity;
    return Math.max((this.#lostAt ?? -Infinity) + 1000 * TAKEN_SECONDS, left + 1000 * UNSEEN_SECONDS);
  }

  #newSession() {
    return new SendingSession(this.#endpoint, this.#token, {
      stats: (stats) => this.#reports.send('stats', stats),
      interrupted: () => this.#reports.change('reconnecting'),
      resumed: () => this.#reports.change('live'),
    });
  }

  #noteFailure(error, retryIn, run) {
    this.#reports.failure(error, retryIn);
    if (!run.wanted) return; // a listener has stopped it
    if (retryIn === null) this.#finish('failed', { error });
  }

  #finish(state, detail = {}) {
    const run = this.#run;
    this.#run = null;
    run.end();
    if (this.#session && this.state === 'connecting') this.#leaveUnseen();
    this.#session?.close();
    this.#session = null;
    this.#reports.change(state, detail);
  }
}

/** Seconds until the next attempt; null: the same request would not succeed later. */
function pauseAfter(error, failures, mayBeTakenUntil) {
  const mayBeOurs = performance.now() < mayBeTakenUntil;
  const mayPass = error instanceof Refused
    ? error.status === 429 || error.status >= 502 || (error.status === 409 && mayBeOurs)
    : error instanceof NotConnected;
  return mayPass ? backoff(BACKOFF_SECONDS, failures) : null;
}
