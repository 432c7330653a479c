// The server-sent events of rooms (`GET /api/rooms/events`): who is live, and how many watch, without polling.
import { isRoomName } from './room.js';

const AGAIN_SECONDS = 10; // until a stream that the server refused is asked for again
const MOST = 20; // rooms that a server takes for a stream

/**
 * A room, as in `GET /api/rooms?detail=true`; of one that does not exist only the first four are known.
 * @typedef {object} Room
 * @property {string} name
 * @property {boolean} live whether somebody publishes
 * @property {boolean} hasPublisher the same
 * @property {number} subscribers
 * @property {string[]} [codecs]
 * @property {number} [bitrate] bits a second
 * @property {number} [uptime] seconds
 * @property {number} [endedAgo] seconds since its end, at `toldAt`; of a room that is over, and only to `RoomEvents`
 * @property {'closed' | 'left'} [endReason] of such a room: an operator closed it, or any other
 * @property {string | null} [title] as set for the room; none where playing requires credentials
 * @property {{ reason: string }} [blocked] an operator has blocked the room, which does not exist
 * @property {number} [toldAt] when that was told, as `performance.now()`
 */

/** A stream that is open while the page is visible: a browser has few connections, and many pages. */
class Stream {
  #url;
  #events;
  #lost;
  #source = null;
  #again = null;

  /**
   * @param {() => URL} url
   * @param {Record<string, (data: object) => void>} events by name
   * @param {() => void} lost what was told is no longer true
   */
  constructor(url, events, lost) {
    this.#url = url;
    this.#events = events;
    this.#lost = lost;
    document.addEventListener('visibilitychange', this.#look);
    this.#look();
  }

  /** Asks anew, since the URL is another one. */
  renew() {
    this.#end();
    this.#look();
  }

  close() {
    document.removeEventListener('visibilitychange', this.#look);
    this.#end();
  }

  #look = () => {
    if (document.hidden) this.#end();
    else if (!this.#source) this.#begin();
  };

  #begin() {
    clearTimeout(this.#again);
    const source = this.#source = new EventSource(this.#url());
    for (const [name, on] of Object.entries(this.#events)) {
      source.addEventListener(name, ({ data }) => on(JSON.parse(data)));
    }
    source.addEventListener('error', () => {
      tell(this.#lost);
      if (source.readyState !== EventSource.CLOSED) return; // the browser connects again
      this.#end();
      this.#again = setTimeout(this.#look, 1000 * AGAIN_SECONDS);
    });
  }

  #end() {
    clearTimeout(this.#again);
    this.#source?.close();
    this.#source = null;
    tell(this.#lost);
  }
}

/** Rooms of one server that this page follows, over one stream: as many as that takes. */
class SharedStream {
  static #all = new Map(); // by server, an array

  #root;
  #followers = new Map(); // by room, a set
  #known = new Map();
  #stream = null;
  #renewing = false;

  constructor(/** @type {string} */ root) { this.#root = root; }

  /** The one that has the room, or has a place for it. @param {URL} root @param {string} name @returns {SharedStream} */
  static of({ href }, name) {
    const all = SharedStream.#all.get(href) ?? [];
    const found = all.find((one) => one.#followers.has(name)) ?? all.find((one) => one.#followers.size < MOST);
    if (found) return found;
    const added = new SharedStream(href);
    SharedStream.#all.set(href, [...all, added]);
    return added;
  }

  /** @returns {Room | undefined} */
  room(name) { return this.#known.get(name); }

  add(name, on) {
    const others = this.#followers.get(name);
    this.#followers.set(name, new Set([...(others ?? []), on]));
    if (!others) this.#renew();
    else queueMicrotask(() => this.#tell(name, on));
  }

  remove(name, on) {
    const followers = this.#followers.get(name);
    if (!followers?.delete(on) || followers.size) return;
    this.#followers.delete(name);
    this.#renew();
  }

  /** Once for all that this page adds and removes in one go. */
  #renew() {
    if (this.#renewing) return;
    this.#renewing = true;
    queueMicrotask(() => {
      this.#renewing = false;
      if (!this.#followers.size) {
        this.#stream?.close();
        this.#stream = null;
      } else if (this.#stream) {
        this.#stream.renew();
      } else {
        this.#stream = new Stream(() => this.#url(), { room: this.#take }, () => this.#known.clear());
      }
    });
  }

  #url() {
    const url = new URL('api/rooms/events?detail=true', this.#root);
    for (const name of this.#followers.keys()) url.searchParams.append('room', name);
    return url;
  }

  #take = (/** @type {Room} */ room) => {
    room.toldAt = performance.now();
    this.#known.set(room.name, room);
    for (const on of this.#followers.get(room.name) ?? []) this.#tell(room.name, on);
  };

  #tell(name, on) {
    const room = this.room(name);
    if (room && this.#followers.get(name)?.has(on)) tell(on, room);
  }
}

/** An error of one follower keeps no news from others. */
function tell(on, ...news) {
  try {
    on(...news);
  } catch (error) {
    reportError(error);
  }
}

/** Follows one room while the page is visible, until it is closed. */
export class RoomEvents {
  #shared = null; // null: no room can have the name, and a server refuses a stream that is asked for with it
  #name;
  #on;

  /**
   * @param {URL} root of the server
   * @param {string} name of the room; of one that no room can have, it is told that nobody publishes there
   * @param {(room: Room) => void} on called at once, and whenever the room has changed, at most once a second
   */
  constructor(root, name, on) {
    this.#name = name;
    this.#on = (room) => on(room); // its own, also if two follow with the same function
    if (isRoomName(name)) {
      this.#shared = SharedStream.of(root, name);
      this.#shared.add(name, this.#on);
    } else {
      queueMicrotask(() => this.#on && tell(this.#on, this.room));
    }
  }

  /**
   * What was told last; undefined: nothing is told at present, since the page is hidden or the server is away.
   * @returns {Room | undefined}
   */
  get room() {
    if (!this.#shared) return { name: this.#name, live: false, hasPublisher: false, subscribers: 0 };
    return this.#shared.room(this.#name);
  }

  close() {
    this.#shared?.remove(this.#name, this.#on);
    this.#on = null;
  }
}

/** Follows all rooms while the page is visible, until it is closed. */
export class RoomListEvents {
  #rooms = new Map();
  #stream;

  /**
   * @param {URL} root of the server
   * @param {(rooms: Map<string, Room>) => void} on called with all rooms by name: once the list is complete, and
   *   whenever it has changed, at most once a second
   * @param {() => void} [lost] called when the stream breaks off; it is asked for again
   */
  constructor(root, on, lost = () => {}) {
    const take = ({ rooms, gone, first, complete }) => {
      if (first) this.#rooms.clear();
      for (const room of rooms) this.#rooms.set(room.name, room);
      for (const name of gone) this.#rooms.delete(name);
      if (complete) on(this.#rooms);
    };
    this.#stream = new Stream(() => new URL('api/rooms/events?detail=true', root), { rooms: take }, lost);
  }

  close() { this.#stream.close(); }
}
