// The choice of a picture's quality: automatic, each layer, or the sound only. Hidden where there is nothing to choose.
import { bitrate, lines } from './format.js';
import { say } from './language.js';

const [AUTOMATIC, SOUND] = ['automatic', 'sound'];

export class QualityMenu {
  #root;
  #select;
  #words;
  #player;
  #video;
  #shown = ''; // what the options were made of
  #size = '';

  /**
   * @param {HTMLElement} root with a `select`, and an element with the class `words`
   * @param {import('./whep-player.js').WhepPlayer} player
   * @param {HTMLVideoElement} video in which it plays
   */
  constructor(root, player, video) {
    this.#root = root;
    this.#select = root.querySelector('select');
    this.#words = root.querySelector('.words');
    this.#player = player;
    this.#video = video;
    this.#select.addEventListener('change', () => this.#choose());
    player.addEventListener('layers', () => this.#show());
    player.addEventListener('state', () => this.#show());
    player.addEventListener('stats', ({ detail }) => {
      this.#size = lines(detail);
      this.#tell();
    });
    this.#show();
  }

  async #choose() {
    const { value } = this.#select;
    const rid = value.startsWith('layer ') ? value.slice('layer '.length) : null;
    await (value === SOUND ? this.#player.soundOnly() : this.#player.chooseLayer(rid)).catch(() => {
      this.#shown = ''; // the player keeps what it had before
      this.#show();
    });
  }

  #show() {
    const { layers, choice } = this.#player;
    const offered = ({ rid, bitrate: sent, width }) => rid && (sent || width || rid === choice.rid); // of others nobody knows the size
    const named = layers.length > 1 ? layers.filter(offered) : [];
    const options = [[AUTOMATIC, say('player.automatic')], ...named.map((layer) => [`layer ${layer.rid}`, inWords(layer)])];
    if (layers.length && this.#video.srcObject?.getAudioTracks().length) options.push([SOUND, say('player.soundOnly')]);
    this.#root.hidden = options.length === 1;
    if (this.#shown !== options.join()) {
      this.#shown = options.join();
      this.#select.replaceChildren(...options.map(([value, words]) => new Option(words, value)));
    }
    this.#select.value = !choice.picture ? SOUND : choice.rid === null ? AUTOMATIC : `layer ${choice.rid}`;
    this.#tell();
  }

  /** The choice in a word or two, beside the sign. */
  #tell() {
    const { layers, choice } = this.#player;
    const chosen = layers.find(({ rid }) => rid && rid === choice.rid);
    if (!choice.picture) this.#words.textContent = say('player.sound');
    else if (chosen) this.#words.textContent = lines(chosen) || chosen.rid;
    else this.#words.textContent = say('player.auto', { size: this.#size }).trim();
  }
}

/** @param {import('./session-events.js').Layer} layer */
function inWords(layer) {
  return `${lines(layer) || layer.rid}, ${layer.bitrate ? bitrate(layer.bitrate) : say('player.notSent')}`;
}
