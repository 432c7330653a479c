// A publisher's statistics for each second, from the counters of a peer connection.

/**
 * @typedef {object} Stats
 * @property {number} bitrate of all media, bits a second
 * @property {number} framesPerSecond
 * @property {number} [width] of the picture that is sent
 * @property {number} [height]
 * @property {number} [rtt] round trip to the server, seconds
 * @property {number} [loss] packet loss, 0 to 1, as the server reports it
 * @property {string} [codec] `video/VP8`
 * @property {'bandwidth' | 'cpu'} [limitedBy] what keeps the encoder below its target
 */
export class SendingStats {
  #before = null;

  /**
   * @param {RTCStatsReport} report
   * @returns {Stats | null} since the last call; null at the first
   */
  read(report) {
    const all = [...report.values()];
    const outbound = all.filter(({ type }) => type === 'outbound-rtp');
    if (outbound.length === 0) return null;
    const now = { at: outbound[0].timestamp, bytes: sum(outbound.map(({ bytesSent }) => bytesSent)) };
    const before = this.#before;
    this.#before = now;
    if (!before || now.at <= before.at) return null;
    const video = outbound.find(({ kind }) => kind === 'video') ?? {};
    const pair = all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    const losses = all.flatMap(({ type, fractionLost }) => (type === 'remote-inbound-rtp' ? [fractionLost ?? 0] : []));
    return {
      bitrate: Math.max(0, (8000 * (now.bytes - before.bytes)) / (now.at - before.at)),
      framesPerSecond: video.framesPerSecond ?? 0,
      width: video.frameWidth,
      height: video.frameHeight,
      rtt: pair?.currentRoundTripTime,
      loss: losses.length ? Math.max(...losses) : undefined,
      codec: report.get(video.codecId)?.mimeType,
      limitedBy: ['bandwidth', 'cpu'].find((reason) => reason === video.qualityLimitationReason),
    };
  }
}

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
