// The player's statistics as text.
import { bitrate, codecs } from './format.js';

/** @param {number | undefined} seconds */
const milliseconds = (seconds) => (seconds === undefined ? '–' : `${Math.round(1000 * seconds)} ms`);

/**
 * @param {import('./receiving-stats.js').Stats} stats
 * @returns {[string, string][]} names and texts
 */
export function figures(stats) {
  return [
    ['Picture', stats.width ? `${stats.width} × ${stats.height}` : '–'],
    ['Frames', stats.width ? `${Math.round(stats.framesPerSecond)}/s` : '–'],
    ['Codecs', codecs([stats.videoCodec, stats.audioCodec].filter(Boolean))],
    ['Bitrate', bitrate(stats.bitrate)],
    ['Delay', milliseconds(stats.delay)],
    ['Round trip', milliseconds(stats.rtt)],
    ['Loss', `${(100 * stats.loss).toFixed(1)} %`],
    ['Dropped', String(stats.framesDropped)],
    ['Freezes', String(stats.freezes)],
  ];
}
