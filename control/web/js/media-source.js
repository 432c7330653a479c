// The sources that a browser can publish: a camera, the screen, or a file.
import { say } from './language.js';

/** Nothing was chosen in the browser's dialog about what to share. */
export class NotShared extends Error {}

/** A stream, and the resources that are released with it. */
export class MediaSource {
  noMicrophone = /** @type {Error | null} */ (null); // why one that is wanted could not be opened

  /** @param {MediaStream} stream @param {() => void} [release] */
  constructor(stream, release = () => {}) {
    this.stream = stream;
    this.#release = release;
  }

  #release;

  close() {
    this.stream.getTracks().forEach((track) => track.stop());
    this.#release();
  }
}

/**
 * @typedef {object} Wishes
 * @property {string} camera a device's id; empty: the default one
 * @property {string} microphone a device's id; empty: the default one; `none`: no sound
 * @property {boolean} music the sound as it is: in stereo, and nothing done to it
 * @property {number} height of the picture, in pixels, 16:9
 * @property {number} framesPerSecond
 * @property {File} [file]
 */

/** @param {'camera' | 'screen' | 'scene' | 'file'} kind @param {Wishes} wishes */
export async function openSource(kind, wishes) {
  if (kind === 'file') return openFile(wishes.file);
  if (!navigator.mediaDevices) throw new Error(say('publish.needsHttps'));
  if (kind === 'scene') {
    const { stream, end } = await (await import('./scene.js')).openScene(wishes);
    return new MediaSource(stream, end);
  }
  return kind === 'screen' ? openScreen(wishes) : openCamera(wishes);
}

export async function openCamera({ camera, microphone, music, height, framesPerSecond }) {
  const picture = {
    width: { ideal: Math.round((height / 9) * 16) },
    height: { ideal: height },
    frameRate: { ideal: framesPerSecond },
  };
  return new MediaSource(await openDevices((match) => ({
    video: { ...device(camera, match), ...picture },
    audio: sound(microphone, music, match),
  })));
}

/**
 * The screen with its own sound, or with the microphone's where the browser does not provide the screen's.
 * @throws {NotShared}
 */
export async function openScreen({ microphone, music, height, framesPerSecond }) {
  const video = { height: { max: height }, frameRate: { max: framesPerSecond } };
  const wish = { video, audio: music ? AS_IT_IS : true, systemAudio: 'include' };
  const stream = await navigator.mediaDevices.getDisplayMedia(wish).catch((error) => {
    throw error.name === 'NotAllowedError' ? new NotShared() : error;
  });
  const source = new MediaSource(stream);
  if (stream.getAudioTracks().length === 0 && microphone !== 'none') {
    try {
      const voice = await openDevices((match) => ({ audio: sound(microphone, music, match) }));
      stream.addTrack(voice.getAudioTracks()[0]);
    } catch (error) { // the screen is published without sound
      source.noMicrophone = error;
    }
  }
  return source;
}

async function openFile(file) {
  if (!file) throw new Error(say('publish.chooseFile'));
  const player = document.createElement('video');
  if (!player.captureStream) throw new Error(say('publish.noFiles'));
  const url = URL.createObjectURL(file);
  const release = () => {
    player.removeAttribute('src');
    player.load();
    URL.revokeObjectURL(url);
  };
  Object.assign(player, { src: url, loop: true, muted: true });
  try {
    await player.play();
  } catch {
    release();
    throw new Error(say('publish.badFile'));
  }
  return new MediaSource(player.captureStream(), release);
}

/**
 * Opens the devices that are chosen, and another one for each that is gone.
 * @param {(match: 'exact' | 'ideal') => MediaStreamConstraints} constraints
 */
async function openDevices(constraints) {
  try {
    return await navigator.mediaDevices.getUserMedia(constraints('exact'));
  } catch (error) {
    if (error.name !== 'OverconstrainedError') throw error;
    return navigator.mediaDevices.getUserMedia(constraints('ideal'));
  }
}

const device = (id, match) => (id ? { deviceId: { [match]: id } } : {});

const AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 2 };

const sound = (microphone, music, match) => microphone !== 'none' && { ...device(microphone, match), ...(music ? AS_IT_IS : { autoGainControl: true }) };

/**
 * The devices of one kind. Browsers reveal their names only after permission for one of them.
 * @param {'videoinput' | 'audioinput'} kind
 * @returns {Promise<{ id: string, name: string }[]>}
 */
export async function devices(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all
    .filter((one) => one.kind === kind && one.label && one.deviceId !== 'default')
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
}
