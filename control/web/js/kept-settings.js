// The settings of the publish page, kept in this browser from one visit to the next; never a token or a file.
import { read, write } from './kept.js';

const KEY = 'roomcast-publish';
const KEPT = ['source', 'camera', 'microphone', 'picture', 'frame-rate', 'codec', 'bitrate', 'music', 'several'];

/** Fills a form with what was kept, and keeps what is chosen from now on. @param {HTMLFormElement} form */
export function keepSettings(form) {
  const kept = settings();
  for (const name of KEPT) {
    const field = form.elements[name];
    if (!(name in kept)) continue;
    if (field.type === 'checkbox') field.checked = kept[name] === true;
    else if (has(field, kept[name])) field.value = kept[name];
  }
  form.addEventListener('change', ({ target }) => {
    if (!KEPT.includes(target.name) || target.value === 'file') return;
    const value = target.type === 'checkbox' ? target.checked : target.value;
    write(KEY, JSON.stringify({ ...settings(), [target.name]: value }));
  }, true); // before a listener of the field asks what is kept
}

/** A device that was chosen before: it is in the list once it may have a name. @param {'camera' | 'microphone'} kind */
export const keptDevice = (kind) => settings()[kind] ?? '';

function has(field, value) {
  const choices = field.options ?? field;
  return [...choices].some((choice) => choice.value === value && !choice.disabled);
}

function settings() {
  try {
    const kept = JSON.parse(read(KEY));
    return kept && typeof kept === 'object' ? kept : {};
  } catch { // nothing is kept, or somebody wrote into it
    return {};
  }
}
