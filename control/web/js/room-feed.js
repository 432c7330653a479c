// All rooms of the server, followed by its events while the page is visible.
import { ROOT } from './server.js';

/**
 * @typedef {object} Room as in `GET /api/rooms?detail=true`
 * @property {string} name
 * @property {boolean} hasPublisher
 * @property {number} subscribers
 * @property {string[]} codecs
 * @property {number} uptime seconds, when it was told
 * @property {number | null} stillAt Unix time of its still picture
 * @property {boolean} locked whether playing requires a token
 * @property {number} began when it came on air, in milliseconds of `performance.now()`
 */

export class RoomFeed {
  /** The live rooms by name. @type {Map<string, Room>} */
  rooms = new Map();
  #on;
  #source = null;
  #seen = null; // the names in a list that has begun and is not complete yet

  /**
   * @param {object} on
   * @param {(changed: Set<string>, moved: boolean) => void} on.change rooms that changed, came or went; `moved`: some came or went
   * @param {() => void} on.lost the server cannot be reached; it is tried again
   */
  constructor(on) {
    this.#on = on;
    document.addEventListener('visibilitychange', this.#look);
    this.#look();
  }

  #look = () => {
    if (!document.hidden && !this.#source) this.#open();
    if (document.hidden) this.#close();
  };

  #open() {
    this.#source = new EventSource(new URL('api/rooms/events?detail=true', ROOT));
    this.#source.addEventListener('rooms', ({ data }) => this.#take(JSON.parse(data)));
    this.#source.addEventListener('error', () => {
      this.#on.lost();
      if (this.#source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      this.#close();
      setTimeout(this.#look, 3000);
    });
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }

  #take({ rooms, gone, first, complete }) {
    const now = performance.now();
    const changed = new Set();
    let moved = false;
    const drop = (name) => {
      if (!this.rooms.delete(name)) return;
      changed.add(name);
      moved = true;
    };
    if (first) this.#seen = new Set();
    for (const room of rooms) {
      this.#seen?.add(room.name);
      if (!room.hasPublisher) {
        drop(room.name);
        continue;
      }
      moved ||= !this.rooms.has(room.name);
      this.rooms.set(room.name, { ...room, began: now - 1000 * room.uptime });
      changed.add(room.name);
    }
    gone.forEach(drop);
    if (complete && this.#seen) {
      for (const name of [...this.rooms.keys()]) if (!this.#seen.has(name)) drop(name);
      this.#seen = null;
      moved = true; // also when there is no room at all: now that is known
    }
    this.#on.change(changed, moved);
  }
}
