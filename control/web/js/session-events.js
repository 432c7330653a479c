// The server-sent events of one viewer's session (draft-ietf-wish-whep).
import { authorization } from './requests.js';

const LINK = /<([^>]*)>\s*;[^,]*rel="urn:ietf:params:whep:ext:core:server-sent-events"/;
const AGAIN_SECONDS = 10; // until a lost stream is opened again, as after a restart of its control process
const MOST = 4; // streams of one page: without HTTP/2 a browser opens only six connections to a server

let open = 0;

/**
 * One layer of the picture.
 * @typedef {object} Layer
 * @property {string} rid its name; empty: the publisher sends only one
 * @property {number} width in pixels; 0: not known yet
 * @property {number} height
 * @property {number} bitrate bits a second; 0: it is not sent at present
 */

/** Follows the events of a session while the page is visible. */
export class SessionEvents {
  #session;
  #token;
  #on;
  #source = null;
  #again = null;
  #closed = false;

  /**
   * @param {import('./whep-session.js').ReceivingSession} session
   * @param {string} token empty: none
   * @param {object} on
   * @param {() => void} on.reconnect the worker is going to stop: another session should take over
   * @param {(layers: Layer[]) => void} on.layers at first, and when they have changed
   * @param {(message: object) => void} on.message somebody sent one to all who watch the room
   * @param {(seconds: number | null) => void} on.delay from the capture of what is sent to the server; null: not known
   */
  constructor(session, token, on) {
    this.#session = session;
    this.#token = token;
    this.#on = on;
    if (!LINK.test(session.links)) return; // the server has no events
    document.addEventListener('visibilitychange', this.#look);
    this.#look();
  }

  close() {
    this.#closed = true;
    document.removeEventListener('visibilitychange', this.#look);
    this.#end();
  }

  #look = () => {
    if (document.hidden) this.#end();
    else if (!this.#source) this.#begin();
  };

  #end() {
    clearTimeout(this.#again);
    if (this.#source) open -= 1;
    this.#source?.close();
    this.#source = null;
  }

  async #begin() {
    const { resource, links } = this.#session;
    if (this.#closed || !resource) return;
    if (open >= MOST) {
      this.#later();
      return;
    }
    open += 1;
    const source = this.#source = new Opening();
    try {
      const response = await fetch(new URL(LINK.exec(links)[1], resource), {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          Accept: 'text/event-stream', // so that a session that is over is no error: 204
          ...authorization(this.#token),
        },
        body: JSON.stringify(['reconnect', 'layers', 'message', 'delay']),
      });
      if (this.#source !== source) return; // closed meanwhile
      if (response.status === 204) {
        this.close();
        return;
      }
      if (response.status !== 201) throw new Error(`status ${response.status}`);
      this.#follow(new URL(response.headers.get('Location'), response.url));
    } catch {
      if (this.#source === source) this.#lost();
    }
  }

  #follow(/** @type {URL} */ url) {
    this.#source = new EventSource(url);
    this.#source.addEventListener('reconnect', () => this.#on.reconnect());
    this.#source.addEventListener('layers', ({ data }) => this.#on.layers(layersOf(JSON.parse(data))));
    this.#source.addEventListener('message', ({ data }) => this.#on.message(JSON.parse(data)));
    this.#source.addEventListener('delay', ({ data }) => this.#on.delay(JSON.parse(data).delay));
    // do not let the browser reconnect: the session may be over
    this.#source.addEventListener('error', () => this.#lost());
  }

  #lost() {
    this.#end();
    this.#later();
  }

  #later() {
    clearTimeout(this.#again);
    this.#again = setTimeout(this.#look, 1000 * AGAIN_SECONDS);
  }
}

/**
 * The layers of the picture, of which there is one. A layer without bit rate is inactive.
 * @param {Record<string, {rid?: string, width?: number, height?: number, bitrate?: number}[]>} sections by their place
 */
function layersOf(sections) {
  return Object.values(sections).flat().map(({ rid = '', width = 0, height = 0, bitrate = 0 }) => (
    { rid, width, height, bitrate }
  ));
}

/** Takes the place of the stream until that is open. */
class Opening {
  close() {}
}
