// One session of a viewer (draft-ietf-wish-whep).
import { withOpus } from './opus-offer.js';
import { ReceivingStats } from './receiving-stats.js';
import { authorization, Refused } from './requests.js';
import { SessionEvents } from './session-events.js';
import { Session } from './session.js';
import { ViewingReport } from './viewing-report.js';

const FIRST_PICTURE_SECONDS = 5;
const LAYER_LINK = /<([^>]*)>\s*;[^,]*rel="urn:ietf:params:whep:ext:core:layer"/;

export class ReceivingSession extends Session {
  #on;
  #room;
  #stats = new ReceivingStats();
  #ticking = null;
  #events = null;
  #report = /** @type {ViewingReport | null} */ (null);
  #token;
  #move;

  /** Fulfilled when the server asks for a new session that takes over from this one. */
  moves = new Promise((resolve) => { this.#move = resolve; });

  /** The tracks that were received. */
  stream = new MediaStream();

  /**
   * @param {URL} endpoint
   * @param {string} token empty: none
   * @param {import('./live-room.js').LiveRoom | null} room null: unknown
   * @param {object} on
   * @param {() => void} on.interrupted
   * @param {() => void} on.resumed
   * @param {(layers: import('./session-events.js').Layer[]) => void} on.layers there are, now
   * @param {(message: object) => void} on.message somebody sent one to all who watch the room
   * @param {(stats: import('./receiving-stats.js').Stats) => void} on.stats each second
   * @param {boolean} on.reports whether the server is told what was seen, if it asks for that
   * @param {() => number | undefined} on.waited asked before: as `ReceivingStats.read` takes it
   */
  constructor(endpoint, token, room, on) {
    super(endpoint, token, on);
    this.#token = token;
    this.#room = room;
    this.#on = on;
  }

  /** @param {RTCIceServer[]} iceServers @throws what `Session.open` throws */
  async open(iceServers) {
    await super.open(iceServers, (pc) => {
      pc.addEventListener('track', ({ track }) => this.stream.addTrack(track));
      pc.addTransceiver('audio', { direction: 'recvonly' });
      pc.addTransceiver('video', { direction: 'recvonly' });
    });
    if (this.#on.reports) this.#report = ViewingReport.of(this, this.#token);
    this.#ticking = setInterval(async () => {
      const stats = this.#stats.read(await this.pc.getStats(), this.#on.waited());
      if (!stats) return;
      this.#report?.add(stats);
      this.#on.stats(stats);
    }, 1000);
    this.#events = new SessionEvents(this, this.#token, {
      reconnect: this.#move,
      layers: this.#on.layers,
      message: this.#on.message,
      delay: (seconds) => { this.#stats.sending = seconds ?? undefined; },
    });
  }

  close() {
    clearInterval(this.#ticking);
    this.#report?.send();
    this.#report = null;
    this.#events?.close();
    super.close();
  }

  /** Chromium plays Opus in one channel, and does not have lost sound sent again, unless the offer asks for it. */
  wished(sdp) { return withOpus(sdp, { stereo: 1 }, ['nack']); }

  /**
   * How long the browser is to hold what has come, before it plays.
   * @param {number | null} milliseconds null: as it thinks best
   */
  set buffer(milliseconds) {
    for (const receiver of this.pc?.getReceivers() ?? []) {
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = milliseconds;
    }
  }

  /** Seconds from the wish to see something to the first picture. @param {number} seconds */
  set firstPicture(seconds) {
    if (this.#report) this.#report.firstPicture = seconds;
  }

  /** Whether the server has the session, and lets its viewers choose. */
  get choosable() { return this.resource !== null && LAYER_LINK.test(this.links); }

  /**
   * Asks for the best picture that the line carries, up to a layer; or for the sound alone.
   * @param {{rid: string | null, picture: boolean}} wish
   * @throws {Refused} the server does not have it
   */
  async choose(wish) {
    const response = await fetch(new URL(LAYER_LINK.exec(this.links)[1], this.resource), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...authorization(this.#token) },
      body: JSON.stringify(wish),
    });
    if (!response.ok) throw await Refused.from(response);
  }

  /** Returns once a picture has been decoded, or when waiting for one is pointless. */
  async picture() {
    const until = performance.now() + 1000 * FIRST_PICTURE_SECONDS;
    while (performance.now() < until && this.resource) {
      for (const { type, framesDecoded } of (await this.pc.getStats()).values()) {
        if (type === 'inbound-rtp' && framesDecoded) return;
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }

  /** A session id begins with the name of its worker, and the session ends with the worker. */
  async isGone() {
    if (!this.resource) return false;
    const worker = this.resource.pathname.split('/').at(-1).split('.')[0];
    const workers = await this.#room?.workers().catch(() => null);
    return workers ? !workers.includes(worker) : false;
  }
}
