// A check before going live: the picture, the microphone, and what the line to the server carries.
import { bitrate, figure, lines, together } from './format.js';
import { say } from './language.js';
import { ladder } from './simulcast.js';
import { checkUpload } from './upload-check.js';

const SOUND_BITRATE = 64_000;
const SPARE = 0.9; // of the line: what is measured is not always there
const HEARD = 10; // of 100, on the level meter

/** @param {string} id */
const element = (id) => document.getElementById(id);

/**
 * @param {object} of
 * @param {MediaStream} of.stream that would be published
 * @param {boolean} of.several in several sizes
 * @param {number} [of.maxBitrate]
 * @param {number} [of.soundBitrate]
 * @param {URL} of.endpoint
 * @param {string} of.token
 * @param {RTCIceServer[]} of.iceServers
 * @param {(error: Error) => string} of.inWords
 * @param {AbortSignal} of.signal
 */
export async function check({ stream, several, maxBitrate, soundBitrate, endpoint, token, iceServers, inWords, signal }) {
  const [video] = stream.getVideoTracks();
  element('check').hidden = false;
  tell('picture', video ? 'good' : 'poor', video ? pictureInWords(video) : say('publish.noPicture'));
  tell('sound', 'waiting', say('publish.listening'));
  tell('upload', 'waiting', say('publish.tryingLine'));
  const bar = element('check-progress');
  bar.hidden = false;
  const listening = new Listening(stream);
  try {
    const upload = await checkUpload(endpoint, token, iceServers, (share) => { bar.value = share; }, signal);
    if (signal.aborted) return;
    const sizes = video ? ladder(video, maxBitrate) : [];
    tell('upload', ...uploadInWords(upload, several ? sizes : sizes.slice(0, 1), soundBitrate));
  } catch (error) {
    if (!signal.aborted) tell('upload', 'poor', say('publish.notTried', { why: inWords(error) }));
  } finally {
    bar.hidden = true;
    tell('sound', ...listening.end());
  }
}

/** @param {'picture' | 'sound' | 'upload'} what @param {'good' | 'poor' | 'waiting'} state @param {string} words */
function tell(what, state, words) {
  const place = element(`check-${what}`);
  place.dataset.state = { good: 'live', poor: 'error', waiting: 'waiting' }[state];
  place.textContent = words;
}

/** @param {MediaStreamTrack} track */
function pictureInWords(track) {
  const { width, height, frameRate } = track.getSettings();
  const size = width ? `${width} × ${height}` : say('publish.aPicture');
  return frameRate ? say('publish.sizeAndRate', { size, rate: figure(frameRate) }) : `${size}.`;
}

/**
 * @param {import('./upload-check.js').Upload} upload
 * @param {{ height: number, bitrate: number }[]} sizes best first; empty: there is no picture
 * @param {number} [soundBitrate]
 * @returns {['good' | 'poor', string]}
 */
export function uploadInWords(upload, sizes, soundBitrate = SOUND_BITRATE) {
  const carried = upload.isMore ? say('publish.moreThan', { rate: bitrate(upload.bitrate) }) : bitrate(upload.bitrate);
  const room = SPARE * upload.bitrate - soundBitrate;
  const needed = sizes.reduce((sum, size) => sum + size.bitrate, 0);
  if (needed <= room) return ['good', say('publish.enough', { carried, sizes: sizes.length ? listed(sizes) : say('publish.theSound') })];
  const fit = [];
  let taken = 0;
  for (const size of sizes.toReversed()) { // the smallest are sent first
    taken += size.bitrate;
    if (taken > room) break;
    fit.unshift(size);
  }
  const line = (needed + soundBitrate) / SPARE; // or a line of 3.7 Mbit/s would be too little for what needs 3.5
  const wants = say('publish.tooLittle', { count: sizes.length, carried, sizes: listed(sizes), needed: bitrate(line) });
  if (fit.length) return ['poor', `${wants} ${say('publish.fits', { count: fit.length, sizes: listed(fit) })}`];
  return ['poor', `${wants} ${say('publish.chooseLower')}`];
}

/** `720p, 360p and 180p`. */
function listed(sizes) {
  return together(sizes.map((size) => lines(size) || say('publish.thePicture')));
}

/** Whether anything is heard meanwhile: by the level meter, which the preview has. */
class Listening {
  #has;
  #most = 0;
  #timer;

  constructor(/** @type {MediaStream} */ stream) {
    this.#has = stream.getAudioTracks().length > 0;
    this.#timer = setInterval(() => { this.#most = Math.max(this.#most, Number(element('level').ariaValueNow)); }, 50);
  }

  /** @returns {['good' | 'poor', string]} */
  end() {
    clearInterval(this.#timer);
    if (!this.#has) return ['poor', say('publish.noSound')];
    return this.#most >= HEARD ? ['good', say('publish.heard')] : ['poor', say('publish.notHeard')];
  }
}
