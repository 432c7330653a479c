// The warnings of a room as list items, in the page's language: the API has them in English.
import { say } from './language.js';

const KNOWN = [
  [/^no keyframe for 10 s/, 'warnings.noKeyframe'],
  [/^keyframes come without parameter sets/, 'warnings.noParameterSets'],
  [/^the publisher sends B-frames/, 'warnings.reordered'],
  [/^the publisher sends hidden frames/, 'warnings.hidden'],
  [/^the publisher sends AV1 in spatial layers/, 'warnings.spatialLayers'],
  [/^the best layer has far fewer pictures/, 'warnings.starved'],
  [/^one viewer of ten or more loses sound/, 'warnings.loseSound'],
  [/^a viewer could not play this room: (.+)$/, 'warnings.unplayable'],
];

/** @param {string} warning of the API @returns {string | null} null: it is not known, and stays as it is */
export function warningInWords(warning) {
  for (const [pattern, key] of KNOWN) {
    const match = pattern.exec(warning);
    if (match) return say(key, { reason: match[1] });
  }
  return null;
}

/** @param {string[]} warnings of the API */
export function warningItems(warnings) {
  return warnings.map((warning) => {
    const words = warningInWords(warning);
    const item = Object.assign(document.createElement('li'), { textContent: words ?? warning });
    if (!words) item.lang = 'en';
    return item;
  });
}
