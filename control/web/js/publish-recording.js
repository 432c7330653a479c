// The button with which a publisher has the server record the room, where the token allows that.
import { ask } from './server.js';
import { claimsOf } from './token.js';

const button = document.getElementById('record');
const pill = document.getElementById('recorded');
const LOOK_SECONDS = 5; // between two looks whether somebody else has begun or stopped it

/** A room's recording, while its publisher is live. */
export class PublishRecording {
  #path;
  #token;
  #trouble;
  #click = () => this.#toggle();
  #looking;
  #latest = null; // the request whose answer is shown; null: closed

  /** @param {string} room @param {string} token @param {(error: Error) => void} trouble is told what went wrong */
  constructor(room, token, trouble) {
    this.#path = `api/admin/rooms/${room}/recording`;
    this.#token = token;
    this.#trouble = trouble;
    button.addEventListener('click', this.#click);
    this.#ask('GET');
    this.#looking = setInterval(() => this.#look(), 1000 * LOOK_SECONDS);
  }

  close() {
    this.#latest = null;
    clearInterval(this.#looking);
    button.removeEventListener('click', this.#click);
    button.hidden = pill.hidden = true;
  }

  /** Not while an answer is awaited, and not where the server refuses the token. */
  #look() {
    if (!button.disabled && !button.hidden) this.#ask('GET');
  }

  #toggle() {
    return this.#ask(button.getAttribute('aria-pressed') === 'true' ? 'DELETE' : 'POST');
  }

  async #ask(method) {
    const asked = this.#latest = Symbol(method);
    const acts = method !== 'GET';
    button.disabled = acts; // a look takes the focus from nobody
    try {
      const { recorded, recording } = await ask(this.#path, { method, token: this.#token });
      if (asked !== this.#latest) return; // it is closed, or the button was pressed meanwhile
      const on = recorded && !recording?.paused;
      button.setAttribute('aria-pressed', String(on));
      button.hidden = false;
      pill.hidden = !on;
    } catch (error) {
      if (acts && asked === this.#latest) this.#trouble(error);
    } finally {
      if (acts) button.disabled = false;
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
