// A picture in several sizes at once (simulcast, RFC 8853), so that each viewer gets the best one that their line carries.

const SIZES = [ // by their `rid`: how much smaller, and which share of the bit rate
  { rid: 'f', scale: 1, share: 1 },
  { rid: 'h', scale: 2, share: 0.3 },
  { rid: 'q', scale: 4, share: 0.08 },
];
const LEAST_LINES = 135; // of a picture that is worth to be sent
const LEAST_BITRATE = 120_000;
const BITRATES = [ // of a whole picture with so many lines, bits a second
  [1080, 4_500_000],
  [720, 2_500_000],
  [480, 1_200_000],
  [0, 800_000],
];

/**
 * The encodings of a track, best first.
 * @param {MediaStreamTrack} track
 * @param {number} [maxBitrate] of the largest
 * @returns {RTCRtpEncodingParameters[]} one: it is too small for more
 */
export function encodings(track, maxBitrate) {
  const lines = linesOf(track);
  const sizes = SIZES.filter(({ scale }) => lines / scale >= LEAST_LINES);
  if (sizes.length < 2) return [{}];
  return sizes.map(({ rid, scale }) => ({
    rid,
    scaleResolutionDownBy: scale,
    maxBitrate: bitrateOf(rid, lines, maxBitrate),
    scalabilityMode: 'L1T3', // viewers may leave frames out; and without a mode Chromium sends VP9 and AV1 in one size
  }));
}

/**
 * The sizes in which a track would be sent, best first, with their usual bit rates.
 * @param {MediaStreamTrack} track
 * @param {number} [maxBitrate] of the largest
 * @returns {{ width: number, height: number, bitrate: number }[]}
 */
export function ladder(track, maxBitrate) {
  const lines = linesOf(track);
  const { width = 0, height = 0 } = track.getSettings();
  const sizes = SIZES.filter(({ scale }) => scale === 1 || lines / scale >= LEAST_LINES);
  return sizes.map(({ rid, scale }) => ({ width: width / scale, height: height / scale, bitrate: bitrateOf(rid, lines, maxBitrate) }));
}

/**
 * The limit of one encoding. @param {string} rid @param {MediaStreamTrack} track @param {number} [maxBitrate] of the largest
 */
export function limitOf(rid, track, maxBitrate) {
  return bitrateOf(rid, linesOf(track), maxBitrate);
}

function bitrateOf(rid, lines, maxBitrate) {
  const whole = maxBitrate ?? BITRATES.find(([least]) => lines >= least)[1];
  const { share } = SIZES.find((size) => size.rid === rid);
  return Math.max(LEAST_BITRATE, Math.round(whole * share));
}

/** @param {MediaStreamTrack} track */
function linesOf(track) {
  const { width = 0, height = 0 } = track.getSettings();
  return Math.min(width, height);
}
