// Numbers formatted for people, as they write them in the page's language.
import { LOCALE } from './language.js';

const number = (options) => new Intl.NumberFormat(LOCALE, options);
const unit = (name, digits = 0) => number({ style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits, minimumFractionDigits: digits });

const [whole, tenths] = [number({ maximumFractionDigits: 0 }), number({ minimumFractionDigits: 1, maximumFractionDigits: 1 })];
const percent = number({ style: 'percent' });
const exactPercent = number({ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** `1,234`. @param {number} value */
export const figure = (value) => whole.format(value);

/** @param {number} bits a second */
export function bitrate(bits) {
  if (!(bits > 0)) return '–';
  if (bits < 1e6) return `${whole.format(bits / 1e3)} kbit/s`;
  return `${(bits < 1e7 ? tenths : whole).format(bits / 1e6)} Mbit/s`;
}

/** `720p`, for an upright picture, too; empty: the size is not known. @param {{width?: number, height?: number}} size */
export function lines({ width = 0, height = 0 }) {
  const least = Math.min(width, height);
  return least ? `${least}p` : '';
}

const SPELLINGS = { OPUS: 'Opus', MULTIOPUS: 'Opus', H264: 'H.264', H265: 'H.265' };

/** `VP8, Opus`. @param {string[]} names as in SDP or MIME types */
export function codecs(names) {
  return names.map((name) => SPELLINGS[name.toUpperCase()] ?? name).join(', ') || '–';
}

/** `0:07`, `12:34`, `1:02:03`. @param {number} seconds */
export function duration(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
  const two = (part) => String(part).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

const past = new Intl.RelativeTimeFormat(LOCALE);
const STEPS = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];

/** `10 minutes ago`. @param {number} seconds */
export function ago(seconds) {
  const all = Math.max(0, Math.floor(seconds));
  const [unitName, length] = STEPS.find(([, least]) => all >= least) ?? STEPS.at(-1);
  return past.format(-Math.floor(all / length), unitName);
}

/** `2 minutes`, in the largest unit without a remainder. @param {number} seconds */
export function period(seconds) {
  const [name, length] = STEPS.find(([, least]) => seconds >= least && seconds % least === 0) ?? STEPS.at(-1);
  return number({ style: 'unit', unit: name, unitDisplay: 'long', maximumFractionDigits: 0 }).format(seconds / length);
}

/** `14:32:10`. @param {number} unixMilliseconds */
export const clockTime = (unixMilliseconds) => new Date(unixMilliseconds).toLocaleTimeString(LOCALE, { timeStyle: 'medium' });

/** `23 ms`. @param {number} seconds */
export const milliseconds = (seconds) => unit('millisecond').format(1000 * seconds);

/** `1.5`. @param {number} value */
export const tenth = (value) => tenths.format(value);

/** `5.2 MB`. @param {number} bytes */
export function size(bytes) {
  const step = Math.min(SIZES.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const shown = bytes / 1000 ** step;
  return unit(SIZES[step], step && shown < 10 ? 1 : 0).format(shown);
}

/** @param {string} text a time from the API, ISO 8601 */
export function date(text) {
  return new Date(text).toLocaleString(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });
}

/** `1.5%`. @param {number} part of 1 */
export const share = (part) => exactPercent.format(part);

/** `2%`. @param {number} part of 1 */
export const wholeShare = (part) => percent.format(part);

/** `a, b and c`. @param {string[]} texts */
export const together = (texts) => new Intl.ListFormat(LOCALE).format(texts);
