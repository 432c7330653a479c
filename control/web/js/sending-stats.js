// A publisher's statistics for each second, from the counters of a peer connection.

/**
 * @typedef {object} Stats
 * @property {number} bitrate of all media, bits a second
 * @property {number} padding what is sent besides: padding, by which the browser tries the line, and what is sent again
 * @property {number} framesPerSecond of the largest picture that is sent
 * @property {number} [width] of that picture
 * @property {number} [height]
 * @property {number} [rtt] round trip to the server, seconds
 * @property {number} [loss] packet loss, 0 to 1, as the server reports it
 * @property {string} [codec] `video/VP8`
 * @property {'bandwidth' | 'cpu'} [limitedBy] what keeps the encoder below its target
 * @property {LayerStats[]} layers of the picture, best first; one without simulcast
 *
 * One size in which the picture is sent.
 * @typedef {object} LayerStats
 * @property {string} rid empty without simulcast
 * @property {number} width 0: nothing is sent
 * @property {number} height
 * @property {number} framesPerSecond
 * @property {number} bitrate bits a second
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
    const now = { at: outbound[0].timestamp, bytes: new Map(outbound.map(({ id, bytesSent }) => [id, bytesSent])) };
    const before = this.#before;
    this.#before = now;
    if (!before || now.at <= before.at) return null;
    const rate = ({ id, bytesSent }) => (
      Math.max(0, (8000 * (bytesSent - (before.bytes.get(id) ?? 0))) / (now.at - before.at))
    );
    const pictures = outbound.filter(({ kind }) => kind === 'video').sort((a, b) => rank(a) - rank(b));
    const video = pictures.find(({ framesPerSecond }) => framesPerSecond) ?? pictures[0] ?? {};
    const pair = all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    const losses = all.flatMap(({ type, fractionLost }) => (type === 'remote-inbound-rtp' ? [fractionLost ?? 0] : []));
    // above its target an encoder's stream is padding
    const media = (one) => Math.min(rate(one), one.targetBitrate ?? Infinity);
    const bitrate = sum(outbound.map(media));
    return {
      bitrate,
      padding: sum(outbound.map(rate)) - bitrate,
      framesPerSecond: video.framesPerSecond ?? 0,
      width: video.frameWidth,
      height: video.frameHeight,
      rtt: pair?.currentRoundTripTime,
      loss: losses.length ? Math.max(...losses) : undefined,
      codec: report.get(video.codecId)?.mimeType,
      limitedBy: /** @type {const} */ (['bandwidth', 'cpu']).find((reason) => reason === video.qualityLimitationReason),
      layers: pictures.map((one) => {
        const sent = Boolean(one.framesPerSecond); // the size stays when an encoder is paused
        return {
          rid: one.rid ?? '',
          width: sent ? one.frameWidth : 0,
          height: sent ? one.frameHeight : 0,
          framesPerSecond: one.framesPerSecond ?? 0,
          bitrate: media(one),
        };
      }),
    };
  }
}

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** Of the `rid`s of simulcast.js. */
const rank = ({ rid = '' }) => 'fhq'.indexOf(rid);
