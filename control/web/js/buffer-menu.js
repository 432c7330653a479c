// The choice between sooner and steadier, kept for the next visit. Hidden where the browser leaves none.
import { read, write } from './kept.js';
import { say } from './language.js';

const KEY = 'roomcast-buffer';
const WORDS = { '': '', sooner: say('player.sooner'), steadier: say('player.steadier') };

export class BufferMenu {
  #root;
  #select;
  #player;

  /**
   * @param {HTMLElement} root with a `select`, and an element with the class `words`
   * @param {import('./whep-player.js').WhepPlayer} player
   */
  constructor(root, player) {
    this.#root = root;
    this.#select = root.querySelector('select');
    this.#player = player;
    root.hidden = !('jitterBufferTarget' in (globalThis.RTCRtpReceiver?.prototype ?? {}));
    const options = Object.entries(WORDS).map(([wish, words]) => new Option(words || say('player.automatic'), wish));
    this.#select.replaceChildren(...options);
    this.#wish(read(KEY));
    this.#select.addEventListener('change', () => {
      this.#wish(this.#select.value);
      write(KEY, this.#select.value);
    });
  }

  #wish(/** @type {string} */ value) {
    const wish = Object.hasOwn(WORDS, value) ? value : '';
    this.#select.value = wish;
    this.#player.buffer = wish || null;
    this.#root.querySelector('.words').textContent = WORDS[wish];
  }
}
