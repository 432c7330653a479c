// A player for any page: shows a room by WHEP (draft-ietf-wish-whep), and keeps showing it.
// Its twin is whip-publisher.js; docs/embedding.md shows how to use both.
import { LiveRoom } from './live-room.js';
import { Refused } from './server.js';
import { NotConnected } from './session.js';
import { ReceivingSession } from './whep-session.js';

const BACKOFF_SECONDS = [0.5, 1, 2, 3, 5];
const NOT_LIVE_SECONDS = 2; // between two looks whether somebody publishes
const FULL_SECONDS = 10;
const CLOSED_SECONDS = 1.2; // until all of the server knows what one worker has just ended
const SILENT_SECONDS = 3; // without a packet: the publisher is not sending

/**
 * Plays one WHEP endpoint into one video element until it is told to stop.
 *
 * Events, all of them `CustomEvent`s:
 * - `state`, detail `{state, error?, retryIn?}`: `connecting`; `waiting`: nobody publishes, or the server does not
 *   answer, and it will be tried again; `live`; `silent`: connected, and nothing arrives; `reconnecting`; `stopped`;
 *   `failed`, with the `error`.
 * - `stats`, detail `Stats` (receiving-stats.js), each second while connected.
 * - `error`, detail `{error, retryIn?}`: a try failed; without `retryIn` (seconds) it was the last one.
 */
export class WhepPlayer extends EventTarget {
  #video;
  #endpoint;
  #token;
  #iceServers;
  #room;
  #shown = null;
  #sessions = new Set(); // the one that is shown, and the next while it gets ready
  #run = null; // names the present call of `play`; another one, or null, ends it
  #wake = () => {};
  #state = 'stopped';
  #silent = 0;

  /**
   * @param {HTMLVideoElement} video muted, unless people have touched the page: browsers play nothing else by itself
   * @param {string | URL} endpoint `https://host/api/whep/play/room`
   * @param {object} [options]
   * @param {string} [options.token] sent as Bearer token
   * @param {RTCIceServer[] | (() => Promise<RTCIceServer[]>)} [options.iceServers] asked for each session anew
   */
  constructor(video, endpoint, { token = '', iceServers = [] } = {}) {
    super();
    this.#video = video;
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.#token = token;
    this.#iceServers = iceServers;
    this.#room = LiveRoom.of(this.#endpoint);
  }

  get state() { return this.#state; }

  /** The token of the sessions to come. @param {string} token */
  set token(token) { this.#token = token; }

  /** Plays; waits for a publisher where there is none; goes on after network changes and restarts of the server. */
  play() {
    this.stop();
    this.#run = Symbol('run');
    addEventListener('pagehide', this.#leave);
    addEventListener('online', this.#recover);
    this.#keepPlaying(this.#run);
  }

  /** Ends the session, here and on the server. */
  stop() {
    if (this.#run) this.#finish('stopped');
  }

  async #keepPlaying(run) {
    const wanted = () => this.#run === run;
    let tries = 0;
    this.#tell('connecting');
    while (wanted()) {
      let pause = 0;
      try {
        await this.#expectPublisher();
        if (!wanted()) return;
        const session = await this.#open(wanted);
        tries = 0;
        this.#show(session);
        await this.#follow(session, wanted);
        if (wanted()) this.#tell('reconnecting');
        pause = CLOSED_SECONDS;
      } catch (error) {
        if (!wanted()) return;
        const again = mayPass(error);
        pause = error.retryAfter || pauseAfter(error, tries);
        tries += 1;
        this.#emit('error', again ? { error, retryIn: pause } : { error });
        if (!again) return this.#finish('failed', { error });
        this.#video.srcObject = null;
        this.#tell('waiting', { error, retryIn: pause });
      }
      if (wanted()) await this.#sleep(pause);
    }
  }

  async #expectPublisher() {
    if (!this.#room) return;
    const live = await this.#room.isLive().catch(asNotConnected);
    if (!live) throw new Refused(404, 'no active publisher in room');
  }

  async #open(wanted) {
    const session = new ReceivingSession(this.#endpoint, this.#token, this.#room, {
      interrupted: () => this.#shown === session && this.#tell('reconnecting'),
      resumed: () => this.#shown === session && this.#tell('live'),
      stats: (stats) => this.#shown === session && this.#notice(stats),
    });
    this.#sessions.add(session);
    try {
      await session.open(await this.#servers());
      if (!wanted()) throw new NotConnected('stopped');
      return session;
    } catch (error) {
      this.#drop(session);
      throw error;
    }
  }

  #show(session) {
    this.#shown = session;
    this.#silent = 0;
    this.#video.srcObject = session.stream;
    this.#video.play().catch(() => {}); // not allowed, or replaced by the next
    this.#tell('live');
  }

  /** Returns when the session is over, and so is the last of those that took over from it. */
  async #follow(session, wanted) {
    for (;;) {
      const moves = await Promise.race([session.moves.then(() => true), session.over.then(() => false)]);
      const next = moves && await this.#successor(session, wanted);
      if (next) this.#show(next);
      this.#drop(session);
      if (!next) return;
      session = next;
    }
  }

  /** A session that already has a picture; null when the old one ended before there was any. */
  async #successor(session, wanted) {
    let over = false;
    session.over.then(() => { over = true; });
    for (let tries = 0; !over; tries += 1) {
      try {
        const next = await this.#open(wanted);
        await next.picture();
        return next;
      } catch (error) {
        await Promise.race([session.over, this.#sleep(pauseAfter(error, tries))]);
      }
    }
    return null;
  }

  #drop(session) {
    session.close();
    this.#sessions.delete(session);
  }

  async #servers() {
    if (typeof this.#iceServers !== 'function') return this.#iceServers;
    return this.#iceServers().catch(asNotConnected);
  }

  #notice(stats) {
    this.#silent = stats.bitrate > 0 ? 0 : this.#silent + 1;
    if (this.#state === 'live' && this.#silent >= SILENT_SECONDS) this.#tell('silent');
    if (this.#state === 'silent' && !this.#silent) this.#tell('live');
    this.#emit('stats', stats);
  }

  #leave = () => this.stop();

  #recover = () => this.#sessions.forEach((session) => session.recover());

  #finish(state, detail = {}) {
    this.#run = null;
    removeEventListener('pagehide', this.#leave);
    removeEventListener('online', this.#recover);
    this.#sessions.forEach((session) => this.#drop(session));
    this.#video.srcObject = null;
    this.#wake();
    this.#tell(state, detail);
  }

  #tell(state, detail = {}) {
    if (state === this.#state && !detail.error) return;
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

/** Whether the same request may succeed later. @param {Error} error */
function mayPass(error) {
  if (!(error instanceof Refused)) return error instanceof NotConnected;
  return [403, 404, 429].includes(error.status) || error.status >= 500;
}

/** Seconds until the next try: longer each time, and not the same for all who lost the server at once. */
function pauseAfter(error, tries) {
  if (error.status === 404) return NOT_LIVE_SECONDS * (0.75 + Math.random() / 2);
  if (error.status === 403) return FULL_SECONDS;
  return BACKOFF_SECONDS[Math.min(tries, BACKOFF_SECONDS.length - 1)] * (0.5 + Math.random() / 2);
}

function asNotConnected(error) {
  throw error instanceof Refused ? error : new NotConnected('the server cannot be reached');
}
