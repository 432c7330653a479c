// The settings of the publish page: what to publish, from which devices, and within which limits.
import { bitrate } from './format.js';
import { keepSettings, keptDevice } from './kept-settings.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

const form = element('settings');
const MUSIC_BITRATE = 128_000;
const SHARPLY = ['screen', 'scene']; // small type does not survive a smaller picture
const SWITCHES = ['music', 'several'];

/** @returns {'camera' | 'screen' | 'scene' | 'file'} */
export const source = () => form.elements.source.value;

/** @returns {import('./media-source.js').Wishes} */
export const wishes = () => ({
  camera: device('camera'),
  microphone: device('microphone'),
  music: element('music').checked,
  height: Number(element('picture').value),
  framesPerSecond: Number(element('frame-rate').value),
  file: element('file').files[0],
});

/** The list has a kept device only once a device was opened. @param {'camera' | 'microphone'} kind */
const device = (kind) => element(kind).value || keptDevice(kind);

/** The limits that may change while live. @returns {import('./whip-session.js').PublishOptions} */
export const limits = () => ({
  maxBitrate: Number(element('bitrate').value) || undefined,
  degradationPreference: SHARPLY.includes(source()) ? 'maintain-resolution' : 'balanced',
});

/** The preferred codec, `video/VP9`; empty: the browser's choice. */
export const codec = () => element('codec').value;

/** How the sound is sent. @returns {import('./whip-session.js').PublishOptions} */
export const sound = () => (element('music').checked ? { stereo: true, maxAudioBitrate: MUSIC_BITRATE } : {});

/** Whether the picture is sent in several sizes. */
export const several = () => element('several').checked;

/** @param {boolean} locked another codec, number of channels, or number of sizes requires another session */
export function lockSession(locked) {
  for (const id of ['codec', ...SWITCHES]) element(id).disabled = locked;
}

/**
 * Shows the fields of the chosen source, from now on, and only the codecs that this browser can send.
 * @param {object} on
 * @param {() => void} on.source another source, device or size was chosen
 * @param {() => void} on.limits
 */
export function enableForm(on) {
  const decided = new Set(); // the switches about which people have decided themselves
  for (const id of SWITCHES) element(id).addEventListener('change', () => decided.add(id));
  for (const id of ['camera', 'microphone', 'picture', 'frame-rate', 'file', 'music']) {
    element(id).addEventListener('change', on.source);
  }
  for (const radio of form.elements.source) {
    radio.addEventListener('change', () => {
      showFields();
      const fit = { music: source() === 'file', several: !SHARPLY.includes(source()) };
      for (const id of SWITCHES) if (!decided.has(id) && !element(id).disabled) element(id).checked = fit[id];
      on.source();
    });
  }
  element('bitrate').addEventListener('change', on.limits);
  form.addEventListener('submit', (event) => event.preventDefault());
  const sendable = RTCRtpSender.getCapabilities('video').codecs.map(({ mimeType }) => mimeType.toLowerCase());
  for (const option of element('codec').options) {
    option.disabled = option.value !== '' && !sendable.includes(option.value.toLowerCase());
  }
  for (const option of element('bitrate').options) if (option.value) option.textContent = bitrate(Number(option.value));
  keepSettings(form);
  showFields();
}

function showFields() {
  for (const field of form.querySelectorAll('[data-for]')) {
    field.hidden = !field.dataset.for.split(' ').includes(source());
  }
}
