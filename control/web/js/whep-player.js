// A player for any page: plays a room by WHEP (draft-ietf-wish-whep), and reconnects until it is stopped.
// whip-publisher.js is its counterpart; docs/embedding.md shows how to use both.
import { LiveRoom } from './live-room.js';
import { asNotConnected, backoff, iceServersNow, Reports, Run } from './reconnecting.js';
import { Refused } from './requests.js';
import { ScreenWait } from './screen-wait.js';
import { NotConnected } from './session.js';
import { ReceivingSession } from './whep-session.js';

const BACKOFF_SECONDS = [0.5, 1, 2, 3, 5];
const NOT_LIVE_SECONDS = 2; // between two checks whether somebody publishes
const HIDDEN_SECONDS = 8; // the same, where nobody looks
const TOLD_SECONDS = 30; // the same, where the server tells it: in case that it fails to
const CROWD_SECONDS = 1; // within which all that waited for a publisher send their offers
const FULL_SECONDS = 10;
const CLOSED_SECONDS = 1.2; // until the whole cluster knows what one worker has just ended
const SILENT_SECONDS = 3; // without a packet: the publisher is not sending, or its worker is gone
const LOOKS = 4; // at the room within `CLOSED_SECONDS`
/** Milliseconds: nothing is held on purpose; or as much as mends most lines, within what the server asks of browsers. */
const BUFFERS = { sooner: 0, steadier: 400 };
/** @type {Readonly<Choice>} */
const AUTOMATIC = Object.freeze({ rid: null, picture: true });

/**
 * `waiting`: nobody publishes, or the server does not answer, and the player will try again; `silent`: connected, and
 * nothing arrives.
 * @typedef {'connecting' | 'waiting' | 'live' | 'silent' | 'reconnecting' | 'stopped' | 'failed'} PlayerState
 *
 * What matters more: to see it `sooner`, or `steadier`. null: what the browser thinks best.
 * @typedef {'sooner' | 'steadier' | null} BufferWish
 *
 * @typedef {object} Choice
 * @property {string | null} rid of the best layer that is wanted; null: any
 * @property {boolean} picture false: the sound alone
 *
 * @typedef {object} PlayerEvents by name, the `detail` of each
 * @property {{ state: PlayerState, error?: Error, retryIn?: number }} state of a failure with its `error`, and the
 *   seconds until the next attempt
 * @property {import('./receiving-stats.js').Stats} stats each second while connected
 * @property {{ layers: import('./session-events.js').Layer[], choice: Readonly<Choice> }} layers either has changed
 * @property {Record<string, any>} message somebody sent one to all who watch the room; a page that is hidden gets none
 * @property {{ error: Error, retryIn?: number }} error an attempt failed; without `retryIn` (seconds) it was the last
 */

/** Plays one WHEP endpoint in one video element until it is stopped. Its events are `PlayerEvents`. */
export class WhepPlayer extends /** @type {new () => import('./reconnecting.js').Reporting<PlayerEvents>} */ (EventTarget) {
  #video;
  #endpoint;
  #token;
  #iceServers;
  #room;
  #reports = /** @type {Reports<PlayerState>} */ (new Reports(this));
  #run = null; // the present call of `play`; null: stopped
  #publisher = null; // events that tell when somebody publishes, while the player waits for that
  #shown = null;
  #wait = /** @type {ScreenWait | null} */ (null); // of what is shown
  #sessions = new Set(); // the one that is shown, and its successor while that gets ready
  #silent = 0;
  #unreached = 0; // seconds in which nothing at all came from the server
  #isBlocked = false;
  #layers = [];
  #choice = AUTOMATIC;
  #told = new WeakMap(); // what was chosen when each session was told; of others AUTOMATIC holds
  #buffer = /** @type {BufferWish} */ (null);
  #tells; // reports
  #isHeld = false; // paused by its viewer
  #holds = new AbortController(); // ends listening to whether it is

  /**
   * @param {HTMLVideoElement} video muted, unless people have touched the page: browsers start no other by themselves
   * @param {string | URL} endpoint `https://host/api/whep/play/room`
   * @param {object} [options]
   * @param {string} [options.token] sent as Bearer token
   * @param {RTCIceServer[] | (() => RTCIceServer[] | Promise<RTCIceServer[]>)} [options.iceServers] asked for each session anew
   * @param {BufferWish} [options.buffer]
   * @param {boolean} [options.reports] whether a server that asks for it is told what was seen; otherwise only the page's own is
   */
  constructor(video, endpoint, { token = '', iceServers = [], buffer = null, reports } = {}) {
    super();
    this.#buffer = buffer;
    this.#video = video;
    this.#endpoint = new URL(endpoint, document.baseURI);
    this.#token = token;
    this.#iceServers = iceServers;
    this.#room = LiveRoom.of(this.#endpoint);
    this.#tells = reports ?? this.#endpoint.origin === location.origin;
  }

  /** @returns {PlayerState} */
  get state() { return this.#reports.state; }

  /**
   * The layers of the picture, best first; none where there is no choice, since the server does not offer it.
   * @returns {import('./session-events.js').Layer[]}
   */
  get layers() { return this.#layers; }

  /** What was chosen last. */
  get choice() { return this.#choice; }

  /**
   * The best picture that the line carries, up to this layer; it holds for later sessions, too.
   * @param {string | null} rid of a layer; null: of any
   * @throws {Refused} the publisher does not send that layer
   * @throws {TypeError} the server cannot be reached
   */
  async chooseLayer(rid) { await this.#choose({ rid, picture: true }); }

  /** Only the sound: the last picture stands. */
  async soundOnly() { await this.#choose({ rid: null, picture: false }); }

  /** It holds for later sessions, too. Browsers that cannot set it do as they think best. @type {BufferWish} */
  get buffer() { return this.#buffer; }

  set buffer(wish) {
    this.#buffer = wish;
    this.#sessions.forEach((session) => { session.buffer = BUFFERS[wish] ?? null; });
  }

  /** The token for later sessions. @param {string} token */
  set token(token) { this.#token = token; }

  /** Plays; waits for a publisher where there is none; survives network changes and restarts of the server. */
  play() {
    this.stop();
    if (this.#run) return; // a listener plays again
    const run = this.#run = new Run({
      leave: ({ persisted }) => {
        this.stop();
        if (persisted) addEventListener('pageshow', () => this.play(), { once: true }); // as by the browser's Back
      },
      recover: () => this.#sessions.forEach((session) => session.recover()),
    });
    this.#wait = new ScreenWait(this.#video);
    this.#followViewer();
    this.#reports.change('connecting');
    run.repeat((succeeded) => this.#playOnce(run, succeeded), {
      pauseAfter: (error, failures) => this.#pauseAfter(error, failures, run),
      failed: (error, retryIn) => this.#noteFailure(error, retryIn, run),
    }).catch(() => {}); // it was reported
  }

  /** Ends the session, here and on the server. */
  stop() {
    if (this.#run) this.#finish('stopped');
  }

  /** Whether the viewer holds the picture: then it is not started again. */
  #followViewer() {
    this.#isHeld = false;
    this.#holds = new AbortController();
    const { signal } = this.#holds;
    const video = this.#video;
    video.addEventListener('pause', () => { // and not at the end of a stream
      this.#isHeld = Boolean(/** @type {MediaStream | null} */ (video.srcObject)?.active);
    }, { signal });
    video.addEventListener('play', () => { this.#isHeld = false; }, { signal });
  }

  /** One session, with those that take over from it, to its end. Returns the seconds until the next. */
  async #playOnce(run, succeeded) {
    await this.#expectPublisher();
    if (!run.wanted) return 0;
    this.#expectNobody();
    const began = performance.now();
    const session = await this.#open(run);
    succeeded();
    const seen = () => { session.firstPicture = (performance.now() - began) / 1000; };
    this.#video.addEventListener('loadeddata', seen, { once: true });
    this.#show(session);
    const closed = await this.#follow(session, run);
    if (closed) await this.#expectEnd(run);
    if (run.wanted) this.#reports.change('reconnecting');
    return closed ? 0 : CLOSED_SECONDS;
  }

  /** Throws why the server has closed the session, if that is known soon; then nobody reads of a lost connection. */
  async #expectEnd(run) {
    for (let look = 0; look < LOOKS && run.wanted; look += 1) {
      await run.sleep(CLOSED_SECONDS / LOOKS);
      if (run.wanted) await this.#expectPublisher();
    }
  }

  #noteFailure(error, retryIn, run) {
    this.#reports.failure(error, retryIn);
    if (!run.wanted) return; // a listener has stopped it
    if (retryIn === null) {
      this.#finish('failed', { error });
    } else {
      this.#clear();
      this.#reports.change('waiting', { error, retryIn });
    }
  }

  /** As the function; where nobody publishes, the server tells when that changes. */
  #pauseAfter(error, failures, run) {
    if (!this.#room || !(isNotLive(error) || isBlocked(error))) return pauseAfter(error, failures);
    this.#isBlocked = isBlocked(error);
    this.#publisher ??= this.#room.follow(({ live, blocked }) => {
      if (!live && Boolean(blocked) !== this.#isBlocked) run.hasten();
      if (live) setTimeout(() => run.hasten(), 1000 * CROWD_SECONDS * Math.random());
    });
    return !this.#isBlocked && this.#publisher.room?.live === false ? TOLD_SECONDS : pauseAfter(error, failures);
  }

  #expectNobody() {
    this.#publisher?.close();
    this.#publisher = null;
  }

  async #expectPublisher() {
    await this.#room?.expectPublisher(this.#token).catch(asNotConnected);
  }

  async #choose(choice) {
    const before = this.#choice;
    this.#choice = Object.freeze(choice);
    this.#tellLayers();
    const session = this.#shown;
    try {
      await this.#passOnChoice(session);
    } catch (error) {
      if (!session.choosable) return; // it is over, and the next one is told
      if (this.#choice === choice) { // nothing else was chosen meanwhile
        this.#choice = before;
        this.#tellLayers();
      }
      throw error;
    }
  }

  /** Tells a session what is chosen, unless it was told. @throws what `ReceivingSession.choose` throws */
  async #passOnChoice(session) {
    const choice = this.#choice;
    if (!session?.choosable || choice === (this.#told.get(session) ?? AUTOMATIC)) return;
    this.#told.set(session, choice);
    await session.choose(choice);
  }

  /** Tells a new session what was chosen; its publisher may no longer send that layer. */
  async #chooseAgain(session) {
    const choice = this.#choice;
    await this.#passOnChoice(session).catch((error) => {
      if (!session.choosable || !(error instanceof Refused)) return; // it is over, or the connection has other cares
      if (this.#choice !== choice) return; // something else was chosen meanwhile
      this.#choice = AUTOMATIC;
      this.#tellLayers();
    });
  }

  #tellLayers() {
    this.#reports.send('layers', { layers: this.#layers, choice: this.#choice });
  }

  async #open(run) {
    const session = new ReceivingSession(this.#endpoint, this.#token, this.#room, {
      interrupted: () => this.#shown === session && this.#reports.change('reconnecting'),
      resumed: () => this.#shown === session && this.#reports.change('live'),
      stats: (stats) => this.#shown === session && this.#notice(stats),
      reports: this.#tells,
      waited: () => (this.#shown === session ? this.#wait.take() : undefined),
      layers: (layers) => {
        if (!session.choosable) return;
        this.#layers = layers;
        this.#tellLayers();
      },
      message: (message) => this.#shown === session && this.#reports.send('message', message),
    });
    this.#sessions.add(session);
    try {
      await session.open(await iceServersNow(this.#iceServers));
      if (this.#buffer) session.buffer = BUFFERS[this.#buffer];
      await this.#chooseAgain(session);
      if (!run.wanted) throw new NotConnected('stopped', 'closed');
      return session;
    } catch (error) {
      this.#drop(session);
      const isNotLiveYet = error instanceof Refused && error.status === 409; // as WHEP's draft says it
      throw isNotLiveYet ? new Refused(404, error.message, error.retryAfter) : error;
    }
  }

  #show(session) {
    this.#shown = session;
    this.#silent = this.#unreached = 0;
    this.#chooseAgain(session); // what was chosen since it was opened
    this.#video.srcObject = session.stream;
    if (this.#isHeld) this.#video.pause(); // `autoplay` would start it, too
    else this.#video.play().catch(() => {}); // not allowed, or replaced by the next
    this.#reports.change('live');
  }

  /** Returns when the last of the sessions has ended that took over from this one: whether the server closed it. */
  async #follow(session, run) {
    for (;;) {
      const moves = await Promise.race([session.moves.then(() => true), session.over.then(() => false)]);
      const next = moves && await this.#successor(session, run);
      if (next && run.wanted) this.#show(next);
      this.#drop(session);
      if (!next) return session.closedByServer;
      session = next;
    }
  }

  /** A session that already has a picture; null when the old one ended before that. */
  async #successor(session, run) {
    let over = false;
    session.over.then(() => { over = true; });
    for (let failures = 0; !over; failures += 1) {
      let next = null;
      try {
        next = await this.#open(run);
        if (this.#choice.picture) await next.picture();
        return next;
      } catch (error) {
        if (next) this.#drop(next);
        const pause = pauseAfter(error, failures) ?? backoff(BACKOFF_SECONDS, failures);
        await Promise.race([session.over, run.sleep(pause)]);
      }
    }
    return null;
  }

  #drop(session) {
    session.close();
    this.#sessions.delete(session);
  }

  #notice(stats) {
    this.#silent = stats.bitrate > 0 ? 0 : this.#silent + 1;
    this.#unreached = stats.reached ? 0 : this.#unreached + 1;
    if (this.#unreached === SILENT_SECONDS) this.#shown.recover(); // browsers notice it some three seconds later
    if (this.state === 'live' && this.#silent >= SILENT_SECONDS) {
      this.#reports.change(this.#unreached >= SILENT_SECONDS ? 'reconnecting' : 'silent');
    }
    if (this.state === 'silent' && this.#unreached >= SILENT_SECONDS) this.#reports.change('reconnecting');
    if (['silent', 'reconnecting'].includes(this.state) && !this.#silent) this.#reports.change('live');
    this.#reports.send('stats', stats);
  }

  #finish(state, detail = {}) {
    const run = this.#run;
    this.#run = null;
    run.end();
    this.#holds.abort();
    this.#wait.close();
    this.#expectNobody();
    this.#sessions.forEach((session) => this.#drop(session));
    this.#clear();
    this.#reports.change(state, detail);
  }

  /** Leaves alone what something else plays in the same element, such as the next player. */
  #clear() {
    if (this.#video.srcObject === this.#shown?.stream) this.#video.srcObject = null;
  }
}

const isNotLive = (/** @type {Error} */ error) => error instanceof Refused && error.status === 404;
const isBlocked = (/** @type {Error} */ error) => (
  error instanceof Refused && error.status === 403 && error.message.startsWith('room blocked')
);

/** Seconds until the next attempt; null: the same request would not succeed later. */
function pauseAfter(error, failures) {
  if (error instanceof Refused) {
    if (isNotLive(error)) return (document.hidden ? HIDDEN_SECONDS : NOT_LIVE_SECONDS) * (0.75 + Math.random() / 2);
    if (error.status === 403) return FULL_SECONDS;
    if (error.status !== 429 && error.status < 500) return null;
  } else if (!(error instanceof NotConnected)) {
    return null;
  }
  return backoff(BACKOFF_SECONDS, failures);
}
