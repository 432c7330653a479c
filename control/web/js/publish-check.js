// A check before going live: the picture, the microphone, and what the line to the server carries.
import { bitrate, lines } from './format.js';
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
 * @param {URL} of.endpoint
 * @param {string} of.token
 * @param {RTCIceServer[]} of.iceServers
 * @param {(error: Error) => string} of.inWords
 * @param {AbortSignal} of.signal
 */
export async function check({ stream, several, maxBitrate, endpoint, token, iceServers, inWords, signal }) {
  const [video] = stream.getVideoTracks();
  element('check').hidden = false;
  say('picture', video ? 'good' : 'poor', video ? pictureInWords(video) : 'There is none: only sound would be sent.');
  say('sound', 'waiting', 'Listening… say something.');
  say('upload', 'waiting', 'Trying the line…');
  const bar = element('check-progress');
  bar.hidden = false;
  const listening = new Listening(stream);
  try {
    const upload = await checkUpload(endpoint, token, iceServers, (share) => { bar.value = share; }, signal);
    if (signal.aborted) return;
    const sizes = video ? ladder(video, maxBitrate) : [];
    say('upload', ...uploadInWords(upload, several ? sizes : sizes.slice(0, 1)));
  } catch (error) {
    if (!signal.aborted) say('upload', 'poor', `The line could not be tried. ${inWords(error)}`);
  } finally {
    bar.hidden = true;
    say('sound', ...listening.end());
  }
}

/** @param {'picture' | 'sound' | 'upload'} what @param {'good' | 'poor' | 'waiting'} state @param {string} words */
function say(what, state, words) {
  const place = element(`check-${what}`);
  place.dataset.state = { good: 'live', poor: 'error', waiting: 'waiting' }[state];
  place.textContent = words;
}

/** @param {MediaStreamTrack} track */
function pictureInWords(track) {
  const { width, height, frameRate } = track.getSettings();
  const size = width ? `${width} × ${height}` : 'A picture';
  return `${size}${frameRate ? `, ${Math.round(frameRate)} frames a second` : ''}.`;
}

/**
 * @param {import('./upload-check.js').Upload} upload
 * @param {{ height: number, bitrate: number }[]} sizes best first; empty: there is no picture
 * @returns {['good' | 'poor', string]}
 */
export function uploadInWords(upload, sizes) {
  const carried = upload.isMore ? `More than ${bitrate(upload.bitrate)}` : bitrate(upload.bitrate);
  const room = SPARE * upload.bitrate - SOUND_BITRATE;
  const needed = sizes.reduce((sum, size) => sum + size.bitrate, 0);
  if (needed <= room) return ['good', `${carried}: enough for ${sizes.length ? listed(sizes) : 'the sound'}.`];
  const fit = [];
  let taken = 0;
  for (const size of sizes.toReversed()) { // the smallest are sent first
    taken += size.bitrate;
    if (taken > room) break;
    fit.unshift(size);
  }
  const wants = `${carried}: too little for ${listed(sizes)}, which ${sizes.length > 1 ? 'need' : 'needs'} ${bitrate(needed + SOUND_BITRATE)}.`;
  if (fit.length) return ['poor', `${wants} ${listed(fit)} will be sent, the rest as far as the line allows.`];
  return ['poor', `${wants} Choose a lower resolution or bit rate.`];
}

/** `720p, 360p and 180p`. */
function listed(sizes) {
  const words = sizes.map((size) => lines(size) || 'the picture');
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : words[0];
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
    if (!this.#has) return ['poor', 'There is none: only the picture would be sent.'];
    return this.#most >= HEARD ? ['good', 'It is heard.'] : ['poor', 'Nothing was heard. Is it switched on, and the right one?'];
  }
}
