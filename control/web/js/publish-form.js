// The settings of the publish page: what to publish, from which devices, and within which limits.
import { bitrate } from './format.js';
import { keepSettings } from './kept-settings.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);

const form = element('settings');
const SHARPLY = ['screen', 'scene']; // small type does not survive a smaller picture

/** @returns {'camera' | 'screen' | 'scene' | 'file'} */
export const source = () => form.elements.source.value;

/** @returns {import('./media-source.js').Wishes} */
export const wishes = () => ({
  camera: element('camera').value,
  microphone: element('microphone').value,
  height: Number(element('picture').value),
  framesPerSecond: Number(element('frame-rate').value),
  file: element('file').files[0],
});

/** The limits that may change while live. @returns {import('./whip-session.js').PublishOptions} */
export const limits = () => ({
  maxBitrate: Number(element('bitrate').value) || undefined,
  degradationPreference: SHARPLY.includes(source()) ? 'maintain-resolution' : 'balanced',
});

/** The preferred codec, `video/VP9`; empty: the browser's choice. */
export const codec = () => element('codec').value;

/** Whether the picture is sent in several sizes. */
export const several = () => element('several').checked;

/** @param {boolean} locked another codec, or another number of sizes, requires another session */
export function lockSession(locked) {
  element('codec').disabled = element('several').disabled = locked;
}

/**
 * Shows the fields of the chosen source, from now on, and only the codecs that this browser can send.
 * @param {object} on
 * @param {() => void} on.source another source, device or size was chosen
 * @param {() => void} on.limits
 */
export function enableForm(on) {
  for (const id of ['camera', 'microphone', 'picture', 'frame-rate', 'file']) {
    element(id).addEventListener('change', on.source);
  }
  let touched = false; // people have decided about the sizes themselves
  element('several').addEventListener('change', () => { touched = true; });
  for (const radio of form.elements.source) {
    radio.addEventListener('change', () => {
      showFields();
      if (!touched && !element('several').disabled) element('several').checked = !SHARPLY.includes(source());
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
