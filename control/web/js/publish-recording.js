// The button with which a publisher has the server record the room, where the token allows that.
import { ask } from './server.js';
import { claimsOf } from './token.js';

const button = document.getElementById('record');
const pill = document.getElementById('recorded');

/** A room's recording, while its publisher is live. */
export class PublishRecording {
  #path;
  #token;
  #trouble;
  #click = () => this.#toggle();
  #closed = false;

  /** @param {string} room @param {string} token @param {(error: Error) => void} trouble is told what went wrong */
  constructor(room, token, trouble) {
    this.#path = `api/admin/rooms/${room}/recording`;
    this.#token = token;
    this.#trouble = trouble;
    button.addEventListener('click', this.#click);
    this.#ask('GET');
  }

  close() {
    this.#closed = true;
    button.removeEventListener('click', this.#click);
    button.hidden = pill.hidden = true;
  }

  #toggle() {
    return this.#ask(button.getAttribute('aria-pressed') === 'true' ? 'DELETE' : 'POST');
  }

  async #ask(method) {
    button.disabled = true;
    try {
      const { recorded, recording } = await ask(this.#path, { method, token: this.#token });
      if (this.#closed) return;
      const on = recorded && !recording?.paused;
      button.setAttribute('aria-pressed', String(on));
      button.hidden = false;
      pill.hidden = !on;
    } catch (error) {
      if (!this.#closed && method !== 'GET') this.#trouble(error);
    } finally {
      button.disabled = false;
    }
  }
}

/** Whether a token says that it may: a JWT with the action `record`, or of an admin. The server decides. */
export function mayRecord(token) {
  const claims = claimsOf(token);
  if (!claims) return false; // what opens a room records nothing
  const { actions, role, admin } = claims; // of a token that `AUTH_URL` judges they may be anything
  return role === 'admin' || admin === true || !actions || [actions].flat().includes('record');
}
