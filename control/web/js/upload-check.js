// How much this line carries to the server, measured with media: seconds of a picture of noise, which no room shows.
import { say } from './language.js';
import { SendingSession } from './whip-session.js';

const SECONDS = 3;
const LOOK_MS = 100;
const SETTLED = 0.6; // the share of the looks, the last ones, that count
const QUARTILE = 0.25; // an estimate that nothing contradicts creeps upwards
const MOST_BITRATE = 20e6;
const FRAMES_PER_SECOND = 30;
const [WIDTH, HEIGHT] = [640, 360];
const PICTURES = 4; // of noise, in turns

/**
 * @typedef {object} Upload
 * @property {number} bitrate bits a second that the line carries
 * @property {boolean} isMore it carries more than was tried
 *
 * @param {URL} endpoint of the room, which nobody notices
 * @param {string} token empty: none
 * @param {RTCIceServer[]} iceServers
 * @param {(share: number) => void} progress
 * @param {AbortSignal} signal ends it early
 * @returns {Promise<Upload>}
 * @throws what `Session.open` throws; `Error`: the browser has no estimate
 */
export async function checkUpload(endpoint, token, iceServers, progress, signal) {
  const url = new URL(endpoint);
  url.searchParams.set('check', 'true');
  const session = new CheckingSession(url, token, { stats() {}, interrupted() {}, resumed() {} });
  const noise = new Noise();
  const end = () => session.close();
  signal.addEventListener('abort', end);
  try {
    await session.send(noise.stream, iceServers, { maxBitrate: MOST_BITRATE, degradationPreference: 'maintain-resolution' });
    return await measured(session.pc, progress, signal);
  } finally {
    signal.removeEventListener('abort', end);
    session.close();
    noise.close();
  }
}

/** A browser tries lines with 5 Mbit/s at most, unless the answer allows it more. */
class CheckingSession extends SendingSession {
  completed(sdp) {
    return sdp.replace(/^(m=video .*\r\n(?:i=.*\r\n)?(?:c=.*\r\n)?)/m, `$1b=AS:${MOST_BITRATE / 1000}\r\n`);
  }
}

async function measured(pc, progress, signal) {
  const seen = [];
  const began = performance.now();
  const share = () => (performance.now() - began) / (1000 * SECONDS);
  while (share() < 1 && !signal.aborted) {
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
    progress(Math.min(1, share()));
    const all = [...(await pc.getStats()).values()];
    const pair = all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    if (!pair) continue;
    seen.push(pair.availableOutgoingBitrate ?? 0);
  }
  if (!seen.some(Boolean)) throw new Error(say('publish.noMeasure'));
  const settled = seen.slice(-Math.ceil(SETTLED * seen.length)).sort((a, b) => a - b);
  const bitrate = settled[Math.floor(QUARTILE * settled.length)] ?? 0;
  return { bitrate, isMore: bitrate >= 0.9 * MOST_BITRATE };
}

/** A picture that no encoder makes small. */
class Noise {
  #pictures = [];
  #timer;

  constructor() {
    const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
    const context = canvas.getContext('2d');
    for (let number = 0; number < PICTURES; number += 1) this.#pictures.push(noise(context));
    let turn = 0;
    this.#timer = setInterval(() => {
      turn += 1;
      context.putImageData(this.#pictures[turn % PICTURES], 0, 0);
    }, 1000 / FRAMES_PER_SECOND);
    this.stream = canvas.captureStream(FRAMES_PER_SECOND);
  }

  close() {
    clearInterval(this.#timer);
    this.stream.getTracks().forEach((track) => track.stop());
  }
}

function noise(context) {
  const picture = context.createImageData(WIDTH, HEIGHT);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let place = 0; place < pixels.length; place += 1) pixels[place] = 0xff000000 | (Math.random() * 0x1000000);
  return picture;
}
