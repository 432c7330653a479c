// Playing by WHEP (draft-ietf-wish-whep), and waiting for a room that is not live yet.
import { ask, Refused } from './server.js';
import { Session } from './session.js';

const RETRY_SECONDS = 2;
const WORTH_WAITING = new Set([404, 429, 503]);

/** A session that receives one room. */
export class Playing extends Session {
  /**
   * @param {string} room
   * @param {string} token empty: none
   */
  constructor(room, token) {
    super(`api/whep/play/${encodeURIComponent(room)}`, token);
  }

  /**
   * Returns once media can flow.
   * @param {MediaStream} stream gets the tracks
   * @throws what `Session.open` throws
   */
  start(stream) {
    return this.open((pc) => {
      pc.addEventListener('track', ({ track }) => stream.addTrack(track));
      pc.addTransceiver('audio', { direction: 'recvonly' });
      pc.addTransceiver('video', { direction: 'recvonly' });
    });
  }
}

/** Watches a room for as long as it is wanted: waits for a publisher, and comes back when one does. */
export class Viewer {
  #options;
  #session = null;
  #wanted = true;
  #wake = () => {};

  /**
   * @param {object} options
   * @param {string} options.room
   * @param {string} options.token empty: none
   * @param {(stream: MediaStream) => void} options.show called with each new stream
   * @param {(state: 'live' | 'ended' | 'retrying', error?: Error) => void} options.report
   */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Watches until `stop`.
   * @throws {Refused} for a reason that waiting does not cure
   */
  async run() {
    const { room, token, show, report } = this.#options;
    while (this.#wanted) {
      let pause = RETRY_SECONDS;
      this.#session = new Playing(room, token);
      try {
        await this.#roomIsLive();
        const stream = new MediaStream();
        show(stream);
        await this.#session.start(stream);
        report('live');
        await this.#session.ended;
        if (this.#wanted) report('ended');
      } catch (error) {
        if (!this.#wanted) return;
        if (error instanceof Refused && !WORTH_WAITING.has(error.status)) throw error;
        pause = error.retryAfter || RETRY_SECONDS;
        report('retrying', error);
      } finally {
        this.#session.close();
      }
      if (this.#wanted) await this.#pause(pause);
    }
  }

  /** Asked first, because browsers log each refused offer as an error. @throws {Refused} 404 */
  async #roomIsLive() {
    const rooms = await ask(`api/rooms?name=${this.#options.room}`);
    if (!rooms.some((room) => room.hasPublisher)) throw new Refused(404, 'no active publisher in room', RETRY_SECONDS);
  }

  /** Leaves the room; `run` returns. */
  stop() {
    this.#wanted = false;
    this.#session?.close();
    this.#wake();
  }

  /** @param {number} seconds at most: `stop` cuts it short */
  #pause(seconds) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, 1000 * seconds);
    });
  }
}
