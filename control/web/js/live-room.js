// What Roomcast knows of a room, asked before an offer is sent: browsers log each refused offer as an error.
import { RoomEvents } from './room-events.js';
import { Refused, request } from './requests.js';

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
   * The room as in `GET /api/rooms/{room}`; of one that does not exist what is known of it.
   * @param {string} [token] for what only those may know who may play there
   * @returns {Promise<Record<string, any> | undefined>}
   * @throws what `request` throws
   */
  async detail(token = '') {
    const url = new URL(`api/rooms?name=${this.#name}&detail=true&missing=true`, this.#root);
    const [room] = await request(url, { token });
    return room;
  }

  /** @param {string} token @throws {Refused} as WHEP would: nobody publishes, or the room is blocked */
  async expectPublisher(token) {
    const room = await this.detail(token);
    if (room?.hasPublisher) return;
    if (room?.blocked) throw new Refused(403, ['room blocked', room.blocked.reason].filter(Boolean).join(': '));
    throw new Refused(404, room?.endReason === 'closed' ? 'room closed' : 'no active publisher in room');
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
