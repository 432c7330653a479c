// The player's statistics as text.
import { bitrate, codecs, figure, milliseconds, share } from './format.js';
import { say } from './language.js';

/** @param {number | undefined} seconds */
const time = (seconds) => (seconds === undefined ? '–' : milliseconds(seconds));

/**
 * @param {import('./receiving-stats.js').Stats} stats
 * @param {string} limit what keeps the picture from being the best; empty: nothing
 * @returns {[string, string][]} names and texts
 */
export function figures(stats, limit) {
  return [
    [say('player.picture'), stats.width ? `${stats.width} × ${stats.height}` : '–'],
    ...(limit ? [/** @type {[string, string]} */ ([say('player.limit'), limit])] : []),
    [say('player.frames'), stats.width ? `${Math.round(stats.framesPerSecond)}/s` : '–'],
    [say('player.codecs'), codecs([stats.videoCodec, stats.audioCodec].filter(Boolean))],
    [say('player.bitrate'), bitrate(stats.bitrate)],
    [say('player.delay'), delay(stats)],
    [say('player.rtt'), time(stats.rtt)],
    [say('player.loss'), share(stats.loss)],
    [say('player.dropped'), figure(stats.framesDropped)],
    [say('player.freezes'), figure(stats.freezes)],
  ];
}

/** In milliseconds, as the sum before it says. @param {number} seconds */
const part = (seconds) => figure(Math.round(1000 * seconds));

/** From the camera to the eye, and its parts; from the server to the eye, where no more is known. */
function delay(/** @type {import('./receiving-stats.js').Stats} */ { latency, sending, delay: rest, rtt, buffer }) {
  if (latency === undefined) return time(rest);
  return say('player.delayParts', {
    all: time(latency), sending: part(sending), line: part(rtt / 2), buffer: part(buffer),
  });
}
