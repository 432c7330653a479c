// What Roomcast knows of a room, asked before an offer is sent: browsers log each refused offer as an error.
import { RoomEvents } from './room-events.js';
import { request } from './requests.js';

const ENDPOINT = /^(.*\/)api\/whep\/play\/([A-Za-z0-9_-]+)$/;

export class LiveRoom {
  #root;
  #name;

  /** @param {URL} root of the server @param {string} name */
  constructor(root, name) {
    this.#root = root;
    this.#name = name;
  }

  /** @param {URL} endpoint @returns {LiveRoom | null} null: not an endpoint of Roomcast */
  static of(endpoint) {
    const [, path, name] = ENDPOINT.exec(endpoint.pathname) ?? [];
    return name ? new LiveRoom(new URL(path, endpoint), name) : null;
  }

  /**
   * @returns {Promise<object | undefined>} as in `GET /api/rooms/{room}`
   * @throws what `request` throws
   */
  async detail() {
    const [room] = await request(new URL(`api/rooms?name=${this.#name}&detail=true`, this.#root));
    return room;
  }

  async isLive() {
    return (await this.detail())?.hasPublisher ?? false;
  }

  /** The ids of the workers that hold the room. @returns {Promise<string[]>} */
  async workers() {
    return (await this.detail())?.workers ?? [];
  }

  /** @param {(room: import('./room-events.js').Room) => void} on as for `RoomEvents` */
  follow(on) {
    return new RoomEvents(this.#root, this.#name, on);
  }
}
