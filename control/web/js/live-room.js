// What Roomcast knows of a room, asked before an offer is sent: browsers log each refused offer as an error.
import { ask } from './server.js';

const ENDPOINT = /^(.*\/)api\/whep\/play\/([A-Za-z0-9_-]+)$/;

export class LiveRoom {
  #url;

  /** @param {URL} root of the server @param {string} name */
  constructor(root, name) {
    this.#url = new URL(`api/rooms?name=${name}&detail=true`, root);
  }

  /** @param {URL} endpoint @returns {LiveRoom | null} null: not an endpoint of Roomcast */
  static of(endpoint) {
    const [, path, name] = ENDPOINT.exec(endpoint.pathname) ?? [];
    return name ? new LiveRoom(new URL(path, endpoint), name) : null;
  }

  /**
   * @returns {Promise<object | undefined>} as in `GET /api/rooms/{room}`
   * @throws what `ask` throws
   */
  async detail() {
    const [room] = await ask(this.#url);
    return room;
  }

  async isLive() {
    return (await this.detail())?.hasPublisher ?? false;
  }

  /** The ids of the workers that hold the room. @returns {Promise<string[]>} */
  async workers() {
    return (await this.detail())?.workers ?? [];
  }
}
