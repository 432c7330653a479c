// A video with controls and messages, and its player: shared by the watch page and the embedded page.
import { BufferMenu } from './buffer-menu.js';
import { figures } from './figures.js';
import { ago, duration } from './format.js';
import { keepVolume } from './kept.js';
import { say } from './language.js';
import { LiveRoom } from './live-room.js';
import { QualityMenu } from './quality-menu.js';
import { ask, Refused, ROOT } from './server.js';
import { onKeys } from './shortcuts.js';
import { dropStill, showStill } from './still-picture.js';
import { askForToken } from './token-dialog.js';
import { tokenFor } from './token.js';
import { WhepPlayer } from './whep-player.js';
import { inWords } from './words.js';

const IDLE_SECONDS = 3; // until the controls hide
const VOLUME_STEP = 0.05;

const HAS_MOUSE = matchMedia('(hover: hover) and (pointer: fine)').matches;

const CONTENT = `
  <video playsinline autoplay muted></video>
  <img class="stage-still" alt="" hidden>
  <div class="stage-words">
    <p id="status" class="status" role="status" data-state="waiting">${say('player.connecting')}</p>
    <p id="hint" class="hint"></p>
  </div>
  <p class="stage-title" id="title" hidden></p>
  <p class="stage-live" id="live" hidden><span class="pill live">${say('player.live')}</span></p>
  <p class="stage-health" id="health" role="status"></p>
  <dl class="stage-figures" id="figures" hidden></dl>
  <div class="stage-bar">
    <button type="button" id="resume" class="resume"><svg class="sign" aria-hidden="true"><use/></svg><span
      class="words" aria-hidden="true">${say('player.resume')}</span></button>
    <button type="button" id="sound" class="sound"><svg class="sign" aria-hidden="true"><use/></svg><span
      class="words" aria-hidden="true">${say(HAS_MOUSE ? 'player.click' : 'player.tap')}</span></button>
    <input type="range" id="volume" min="0" max="1" step="0.05" aria-label="${say('player.volume')}">
    <span class="gap"></span>
    <label id="quality" class="stage-quality" title="${say('player.quality')} (q)" hidden><svg class="sign" aria-hidden="true"><use/></svg
      ><span class="words" aria-hidden="true"></span><select aria-label="${say('player.quality')}"></select></label>
    <label id="buffer" class="stage-quality stage-buffer" title="${say('player.buffer')} (b)" hidden><svg class="sign" aria-hidden="true"><use/></svg
      ><span class="words" aria-hidden="true"></span><select aria-label="${say('player.buffer')}"></select></label>
    <button type="button" id="statistics" aria-label="${say('player.statistics')}" aria-controls="figures" aria-expanded="false"
      title="${say('player.statistics')} (i)"><svg class="sign" aria-hidden="true"><use/></svg></button>
    <button type="button" id="picture" aria-label="${say('player.inPicture')}" title="${say('player.inPicture')} (p)"
      ><svg class="sign" aria-hidden="true"><use/></svg></button>
    <button type="button" id="full-screen" aria-label="${say('player.fullScreen')}" title="${say('player.fullScreen')} (f)"
      ><svg class="sign" aria-hidden="true"><use/></svg></button>
  </div>`;

export class Stage {
  #root;
  #room;
  #player;
  #health = null; // the promise of what judges the present session
  #waitsSince = null; // for somebody to publish; milliseconds
  #ended = null; // when the room did, as the server tells it; milliseconds
  #nobody = null; // the error, while nobody publishes
  #events = null; // of the room, while it waits
  #wasLive = false;
  #wasClosed = false;
  #titled;
  #idling;

  /**
   * @param {HTMLElement} root is filled
   * @param {string} room
   * @param {(title: string) => void} [titled] called with the room's title, which may be empty
   */
  constructor(root, room, titled = () => {}) {
    this.#titled = titled;
    this.#root = root;
    this.#room = room;
    root.innerHTML = CONTENT;
    root.tabIndex = -1; // a click gives it the focus, and so the arrows
    for (const name of ['quality', 'buffer', 'statistics', 'picture', 'full-screen']) this.#sign(name, name);
    this.video = root.querySelector('video');
    this.video.id = 'video';
    this.video.setAttribute('aria-label', say('player.stream', { room }));
    this.video.muted = true; // the attribute sets only the default
    keepVolume(this.video);
    this.#connectControls();
    this.#hideWhenIdle();
    this.#showPoster();
    setInterval(() => this.#tellWait(), 1000);
    this.#player = new WhepPlayer(this.video, new URL(`api/whep/play/${room}`, ROOT), {
      token: tokenFor(room),
      iceServers: async () => (await ask(`api/bootstrap?room=${room}`, { token: tokenFor(room) })).iceServers,
    });
    this.#player.addEventListener('state', ({ detail }) => this.#tell(detail));
    this.#player.addEventListener('stats', ({ detail }) => this.#showFigures(detail));
    this.#player.addEventListener('layers', ({ detail }) => this.#showChoice(detail));
    new QualityMenu(this.#part('quality'), this.#player, this.video);
    new BufferMenu(this.#part('buffer'), this.#player);
    this.#player.play();
  }

  /** For its events. */
  get player() { return this.#player; }

  toggleSound() {
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.video.volume = 1;
    this.video.play().catch(() => {});
  }

  /** @param {number} step from 0 to 1 */
  changeVolume(step) {
    const { video } = this;
    const volume = Math.min(1, Math.max(0, (video.muted ? 0 : video.volume) + step));
    video.volume = Math.round(100 * volume) / 100; // steps add up to nothing, too
    video.muted = video.volume === 0;
  }

  /** It goes on at what is live then. */
  async togglePlay() {
    if (this.video.paused) await this.video.play();
    else this.video.pause();
  }

  toggleFigures() {
    const figures = this.#part('figures');
    figures.hidden = !figures.hidden;
    this.#part('statistics').setAttribute('aria-expanded', String(!figures.hidden));
  }

  async toggleFullScreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (this.#root.requestFullscreen) await this.#root.requestFullscreen();
    else this.video.webkitEnterFullscreen?.(); // iPhones show only videos in full screen
  }

  async togglePicture() {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else if (this.video.srcObject) await this.video.requestPictureInPicture();
  }

  /** Whether arrows are for the stage: otherwise they scroll the page. */
  get #attended() {
    return this.#root.contains(document.activeElement) || document.fullscreenElement === this.#root;
  }

  /** @param {string} id */
  #part(id) { return this.#root.querySelector(`#${id}`); }

  /** Opens one of the lists, where there is something to choose. @param {'quality' | 'buffer'} id */
  #choose(id) {
    if (this.#part(id).hidden) return;
    const select = this.#part(id).querySelector('select');
    select.focus();
    select.showPicker?.();
  }

  #sign(button, name) {
    this.#part(button).querySelector('use').setAttribute('href', new URL(`static/icons.svg#${name}`, ROOT));
  }

  #connectControls() {
    const { video } = this;
    const volume = this.#part('volume');
    const showPlay = () => {
      const resume = this.#part('resume');
      const turn = say(video.paused ? 'player.resume' : 'player.pause');
      resume.dataset.paused = video.paused;
      resume.setAttribute('aria-label', turn);
      resume.title = turn;
      this.#sign('resume', video.paused ? 'play' : 'pause');
      this.#tellHealth('');
    };
    const showSound = () => {
      const sound = this.#part('sound');
      sound.dataset.muted = video.muted;
      const turn = say(video.muted ? 'player.soundOn' : 'player.soundOff');
      sound.setAttribute('aria-label', turn);
      sound.title = `${turn} (m)`;
      this.#sign('sound', video.muted ? 'muted' : 'sound');
      volume.value = video.muted ? 0 : video.volume;
    };
    showSound();
    video.addEventListener('volumechange', showSound);
    showPlay();
    for (const type of ['pause', 'play', 'emptied']) video.addEventListener(type, showPlay);
    volume.addEventListener('input', () => {
      video.volume = Number(volume.value);
      video.muted = video.volume === 0;
    });
    this.#part('picture').hidden = !document.pictureInPictureEnabled;
    const quietly = (action) => () => Promise.resolve(action.call(this)).catch(() => {}); // the browser may refuse
    const actions = {
      resume: this.togglePlay,
      sound: this.toggleSound,
      statistics: this.toggleFigures,
      picture: this.togglePicture,
      'full-screen': this.toggleFullScreen,
    };
    for (const [id, action] of Object.entries(actions)) this.#part(id).addEventListener('click', quietly(action));
    let woke = false; // a finger has shown the controls, and means nothing else by that
    video.addEventListener('pointerdown', ({ pointerType }) => {
      woke = pointerType === 'touch' && this.#root.dataset.idle !== undefined;
    });
    video.addEventListener('click', quietly(() => (video.paused || !woke) && this.togglePlay()));
    video.addEventListener('dblclick', quietly(this.toggleFullScreen));
    onKeys({
      ' ': quietly(this.togglePlay),
      m: quietly(this.toggleSound),
      ArrowUp: () => this.#attended && this.changeVolume(VOLUME_STEP),
      ArrowDown: () => this.#attended && this.changeVolume(-VOLUME_STEP),
      i: quietly(this.toggleFigures),
      q: () => this.#choose('quality'),
      b: () => this.#choose('buffer'),
      p: quietly(this.togglePicture),
      f: quietly(this.toggleFullScreen),
    });
  }

  /** The still picture, until the stream has one. */
  async #showPoster() {
    const still = this.#root.querySelector('.stage-still');
    this.video.addEventListener('playing', () => dropStill(still), { once: true });
    const room = await new LiveRoom(ROOT, this.#room).detail(tokenFor(this.#room)).catch(() => undefined); // the player tells what is wrong
    this.#titled(room?.title ?? '');
    if (room?.hasPublisher && !this.video.videoWidth) await showStill(still, room, 640);
  }

  /** For how long nobody has published: since the end of what was here before, or since this page waits. */
  #tellWait() {
    if (this.#waitsSince === null) return;
    const now = performance.now();
    this.#part('hint').textContent = this.#ended === null
      ? say('player.waits', { time: duration((now - this.#waitsSince) / 1000) })
      : say('player.ended', { ago: ago((now - this.#ended) / 1000) });
  }

  /** Asks the server when the room ended, for as long as the page waits. */
  #followEnd(waits) {
    if (!waits) {
      this.#events?.close();
      this.#events = this.#ended = null;
      return;
    }
    this.#events ??= new LiveRoom(ROOT, this.#room).follow(({ endedAgo, endReason, toldAt }) => {
      const ended = endedAgo === undefined ? null : toldAt - 1000 * endedAgo;
      // who saw its publisher go has waited since then, while the room was kept for the publisher
      this.#ended = ended !== null && this.#wasLive ? Math.min(ended, this.#waitsSince) : ended;
      this.#wasClosed ||= endReason === 'closed';
      if (this.#nobody) this.#tellNobody();
    });
  }

  #tellNobody() {
    this.#say('waiting', inWords(this.#nobody, { room: this.#room, wasLive: this.#isOver, wasClosed: this.#wasClosed }));
    this.#tellWait();
  }

  /** Whether the room has been live: here, or before this page came. */
  get #isOver() { return this.#wasLive || this.#ended !== null; }

  /** Hides the controls when idle; a pointer, a key or a touch shows them again, and presses none that nobody saw. */
  #hideWhenIdle() {
    const bar = this.#root.querySelector('.stage-bar');
    let unseen = false;
    bar.addEventListener('pointerdown', ({ target }) => {
      unseen = getComputedStyle(/** @type {Element} */ (target).closest('.stage-bar > *')).opacity === '0';
    }, true);
    // a range is set by the first two, a list opens by the second; the click of a key has no detail
    for (const type of ['touchstart', 'mousedown', 'click']) {
      bar.addEventListener(type, (event) => {
        if (!unseen || (type === 'click' && !event.detail)) return;
        event.preventDefault();
        event.stopPropagation();
      }, true);
    }
    const wake = () => {
      clearTimeout(this.#idling);
      delete this.#root.dataset.idle;
      this.#idling = setTimeout(() => {
        if (!this.#root.querySelector('.stage-bar :focus-visible')) this.#root.dataset.idle = '';
      }, 1000 * IDLE_SECONDS);
    };
    for (const type of ['pointermove', 'pointerdown', 'focusin', 'keydown']) this.#root.addEventListener(type, wake);
    wake();
  }

  #tell({ state, error }) {
    this.#wasLive ||= state === 'live';
    this.#wasClosed &&= state === 'waiting';
    const about = { room: this.#room, token: tokenFor(this.#room), wasLive: this.#isOver, wasClosed: this.#wasClosed };
    const [kind, words, hint] = {
      connecting: ['waiting', say('player.connecting'), ''],
      live: ['live', say('player.watching', { room: this.#room }), ''],
      silent: ['waiting', say('player.silent'), say('player.silentHint')],
      reconnecting: ['waiting', say('player.reconnecting'), ''],
      waiting: ['waiting', error && inWords(error, about), say('player.waiting')],
      stopped: ['idle', say('player.stopped'), ''],
      failed: ['error', error && inWords(error, about), ''],
    }[state];
    this.#root.dataset.state = state;
    this.#root.dataset.picture = this.video.srcObject ? 'old' : 'none';
    this.#say(kind, words);
    this.#part('hint').textContent = hint;
    this.#part('live').hidden = state !== 'live';
    this.#part('resume').hidden = !this.video.srcObject;
    this.#health = null;
    this.#part('health').textContent = '';
    if (state === 'live') this.#tellHealth('');
    this.#nobody = state === 'waiting' && error instanceof Refused && error.status === 404 ? error : null;
    if (!this.#nobody) this.#waitsSince = state === 'connecting' || state === 'waiting' ? this.#waitsSince : null;
    else this.#waitsSince ??= performance.now();
    this.#followEnd(this.#waitsSince !== null);
    if (this.#nobody) this.#tellWait();
    if (state === 'failed' && error instanceof Refused && error.status === 401) this.#askForToken(words);
  }

  #say(kind, words) {
    const status = this.#part('status');
    status.dataset.state = kind;
    if (status.textContent !== words) status.textContent = words; // screen readers read each change aloud
  }

  async #askForToken(reason) {
    const token = await askForToken(this.#room, reason);
    if (!token) return;
    this.#player.token = token;
    this.#showPoster(); // and the title, which needs the token
    this.#player.play();
  }

  #showChoice({ choice }) {
    this.#part('live').querySelector('.pill').textContent = say(choice.picture ? 'player.live' : 'player.liveSound');
  }

  #tellHealth(words) {
    const line = this.#part('health');
    // by a key, by the system, or since a phone that saves power plays nothing by itself
    const paused = this.video.paused && this.#root.dataset.state === 'live';
    const all = paused ? say('player.paused') : words;
    if (line.textContent !== all) line.textContent = all; // screen readers read each change aloud
  }

  async #judge(stats) {
    this.#health ??= import('./health.js').then(({ Health }) => new Health(), () => null); // no page waits for it
    const health = await this.#health;
    const { layers, choice } = this.#player;
    if (health) this.#tellHealth(health.words(stats, layers, choice));
    this.#listFigures(stats, health?.limit(stats, layers, choice) ?? '');
  }

  #showFigures(stats) {
    this.#judge(stats).catch(reportError);
  }

  #listFigures(stats, limit) {
    const list = this.#part('figures');
    if (list.hidden) return;
    list.replaceChildren(...figures(stats, limit).flatMap(([name, text]) => {
      const [term, value] = [document.createElement('dt'), document.createElement('dd')];
      [term.textContent, value.textContent] = [name, text];
      return [term, value];
    }));
  }
}
