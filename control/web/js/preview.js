// The preview on the publish page: the picture and loudness of the source, and the switches for both.
import { keptDevice } from './kept-settings.js';
import { LevelMeter } from './level-meter.js';
import { devices, openSource } from './media-source.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

export class Preview {
  #source = null;
  #latest = /** @type {Promise<void> | null} */ (null); // the `open` that holds, also when it is done; null: closed
  #opening = 0; // sources for which the browser asks permission
  #level = new LevelMeter(element('level'));
  #lost;

  /** @param {(track: MediaStreamTrack) => void} lost called when a track ends by itself: the device was unplugged, or sharing was stopped */
  constructor(lost) {
    this.#lost = lost;
    for (const [id, kind] of [['mute', 'audio'], ['blank', 'video']]) {
      element(id).addEventListener('click', ({ currentTarget: button }) => {
        const off = button.getAttribute('aria-pressed') !== 'true';
        button.setAttribute('aria-pressed', String(off));
        for (const track of this.#tracks(kind)) track.enabled = !off;
      });
    }
    navigator.mediaDevices?.addEventListener('devicechange', () => this.#listDevices(!this.stream));
  }

  /** @returns {MediaStream | null} null: nothing is open */
  get stream() {
    return this.#source?.stream ?? null;
  }

  /** Why there is no sound, though somebody wants it. @returns {Error | null} */
  get noMicrophone() {
    return this.#source?.noMicrophone ?? null;
  }

  /** Whether another source is to be shown, and the browser still asks for permission. */
  get isOpening() { return this.#latest !== null && this.#opening > 0; }

  /**
   * Replaces the source. Of several calls the last one holds: all end as it does, and with `close`. When `openSource`
   * throws, the source before stays open.
   */
  open(kind, wishes) {
    const mine = this.#latest = this.#open(kind, wishes, () => mine === this.#latest);
    return mine;
  }

  async #open(kind, wishes, holds) {
    this.#opening += 1;
    const opening = openSource(kind, wishes).finally(() => { this.#opening -= 1; });
    const opened = await opening.catch((error) => {
      if (holds()) throw error;
      return null;
    });
    if (!holds()) {
      opened?.close();
      return this.#latest;
    }
    for (const track of opened.stream.getTracks()) {
      track.addEventListener('ended', () => { if (this.#source === opened) this.#lost(track); });
    }
    this.#show(opened);
    await this.#listDevices();
  }

  close() {
    this.#latest = null;
    this.#show(null);
  }

  #show(source) {
    this.#source?.close();
    this.#source = source;
    element('video').srcObject = this.stream;
    this.#level.show(this.stream);
    element('dark-stage').hidden = Boolean(source);
    element('preview').hidden = Boolean(source);
    for (const [id, kind] of [['mute', 'audio'], ['blank', 'video']]) {
      const button = element(id);
      button.hidden = this.#tracks(kind).length === 0;
      if (!source) button.setAttribute('aria-pressed', 'false');
      // who is muted stays so with another microphone
      for (const track of this.#tracks(kind)) track.enabled = button.getAttribute('aria-pressed') !== 'true';
    }
  }

  /** @param {'audio' | 'video'} kind */
  #tracks(kind) {
    return this.stream?.getTracks().filter((track) => track.kind === kind) ?? [];
  }

  /**
   * Devices have names only after one of them was opened.
   * @param {boolean} [again] whether one that was chosen before may be named: not while another one is open
   */
  async #listDevices(again = true) {
    for (const [id, kind] of [['camera', 'videoinput'], ['microphone', 'audioinput']]) {
      const select = element(id);
      const chosen = select.value;
      const fixed = [...select.options].filter(({ value }) => value === '' || value === 'none');
      const found = (await devices(kind)).map((device) => new Option(device.name, device.id));
      select.replaceChildren(...fixed, ...found);
      const wanted = chosen || (again && keptDevice(id));
      select.value = [...select.options].some(({ value }) => value === wanted) ? wanted : '';
    }
  }
}
