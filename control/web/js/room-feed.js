// All live rooms of the server, and what has changed in them since the last time.
import { RoomListEvents } from './room-events.js';
import { ROOT } from './server.js';

/**
 * @typedef {import('./room-events.js').Room & LiveRoom} Room
 * @typedef {object} LiveRoom
 * @property {number | null} stillAt Unix time of its still picture
 * @property {boolean} locked whether playing requires a token
 * @property {number} began when it came on air, in milliseconds of `performance.now()`
 */

export class RoomFeed {
  /** By name. @type {Map<string, Room>} */
  rooms = new Map();
  #told = new Map(); // as they were told last, to compare
  #on;
  #stream; // lives as long as the page

  /**
   * @param {object} on
   * @param {(changed: Set<string>, moved: boolean) => void} on.change `changed`: rooms that did, came or went;
   *   `moved`: some came or went, or all are known now for the first time
   * @param {() => void} on.lost the server cannot be reached; it is tried again
   */
  constructor(on) {
    this.#on = on;
    this.#stream = new RoomListEvents(ROOT, (rooms) => this.#take(rooms), on.lost);
  }

  #take(/** @type {Map<string, import('./room-events.js').Room>} */ told) {
    const changed = new Set();
    let moved = this.#told.size === 0;
    for (const [name, room] of told) {
      if (!room.live || this.#told.get(name) === room) continue;
      moved ||= !this.rooms.has(name);
      this.rooms.set(name, { ...room, began: performance.now() - 1000 * room.uptime });
      changed.add(name);
    }
    for (const name of [...this.rooms.keys()]) {
      if (told.get(name)?.live) continue;
      this.rooms.delete(name);
      changed.add(name);
      moved = true;
    }
    this.#told = new Map(told);
    this.#on.change(changed, moved);
  }
}
