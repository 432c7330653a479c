// Numbers formatted for people.

/** @param {number} bits a second */
export function bitrate(bits) {
  if (!(bits > 0)) return '–';
  if (bits < 1e6) return `${Math.round(bits / 1e3)} kbit/s`;
  return `${(bits / 1e6).toFixed(bits < 1e7 ? 1 : 0)} Mbit/s`;
}

/** `720p`, for an upright picture, too; empty: the size is not known. @param {{width?: number, height?: number}} size */
export function lines({ width = 0, height = 0 }) {
  const least = Math.min(width, height);
  return least ? `${least}p` : '';
}

const SPELLINGS = { OPUS: 'Opus', H264: 'H.264', H265: 'H.265' };

/** `VP8, Opus`. @param {string[]} names as in SDP or MIME types */
export function codecs(names) {
  return names.map((name) => SPELLINGS[name.toUpperCase()] ?? name).join(', ') || '–';
}

/** `0:07`, `12:34`, `1:02:03`. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const figure = bytes / 1000 ** step;
  return `${step && figure < 10 ? figure.toFixed(1) : Math.round(figure)} ${units[step]}`;
}

/** `1 viewer`, `5 viewers`. @param {number} number @param {string} noun */
export const count = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

/** @param {string} text a time from the API, ISO 8601 */
export function date(text) {
  return new Date(text).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** `1.5 %`. @param {number} part of 1 */
export const share = (part) => `${(100 * part).toFixed(1)} %`;
