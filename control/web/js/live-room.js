// What Roomcast tells about a room before one offers: browsers log each refused offer as an error.
import { ask } from './server.js';

const ENDPOINT = /^(.*\/)api\/whep\/play\/([A-Za-z0-9_-]+)$/;

export class LiveRoom {
  #url;

  /** @param {URL} root the server's @param {string} name */
  constructor(root, name) {
    this.#url = new URL(`api/rooms?name=${name}&detail=true`, root);
  }

  /** @param {URL} endpoint @returns {LiveRoom | null} null: not an endpoint of Roomcast */
  static of(endpoint) {
    const [, path, name] = ENDPOINT.exec(endpoint.pathname) ?? [];
    return name ? new LiveRoom(new URL(path, endpoint), name) : null;
  }

  /**
   * @returns {Promise<object | undefined>} as `GET /api/rooms/{room}` has it
   * @throws what `ask` throws
   */
  async detail() {
    const [room] = await ask(this.#url);
    return room;
  }

  async isLive() {
    return (await this.detail())?.hasPublisher ?? false;
  }

  /** The ids of the workers that hold it. @returns {Promise<string[]>} */
  async workers() {
    return (await this.detail())?.workers ?? [];
  }
}
