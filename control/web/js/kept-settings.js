// The settings of the publish page, kept in this browser from one visit to the next; never a token or a file.

const KEY = 'roomcast-publish';
const KEPT = ['source', 'camera', 'microphone', 'picture', 'frame-rate', 'codec', 'bitrate', 'music', 'several'];

/** Fills a form with what was kept, and keeps what is chosen from now on. @param {HTMLFormElement} form */
export function keepSettings(form) {
  const kept = read();
  for (const name of KEPT) {
    const field = form.elements[name];
    if (!(name in kept)) continue;
    if (field.type === 'checkbox') field.checked = kept[name] === true;
    else if (has(field, kept[name])) field.value = kept[name];
  }
  form.addEventListener('change', ({ target }) => {
    if (!KEPT.includes(target.name) || target.value === 'file') return;
    write({ ...read(), [target.name]: target.type === 'checkbox' ? target.checked : target.value });
  });
}

/** A device that was chosen before: it is in the list once it may have a name. @param {'camera' | 'microphone'} kind */
export const keptDevice = (kind) => read()[kind] ?? '';

function has(field, value) {
  const choices = field.options ?? field;
  return [...choices].some((choice) => choice.value === value && !choice.disabled);
}

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept && typeof kept === 'object' ? kept : {};
  } catch { // storage is denied, or somebody wrote into it
    return {};
  }
}

function write(settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch { /* they are for this visit */ }
}
