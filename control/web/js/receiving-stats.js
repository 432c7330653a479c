// A viewer's statistics, from one call of `getStats` after the other.

/**
 * @typedef {object} Stats of the last second
 * @property {number} bitrate bits a second, sound and picture
 * @property {number} framesPerSecond
 * @property {number} width
 * @property {number} height
 * @property {string} videoCodec `VP8`; empty: no picture
 * @property {string} audioCodec
 * @property {number} loss share of packets that did not arrive, 0 to 1
 * @property {number | undefined} rtt to the server, seconds
 * @property {number | undefined} latency from the camera to the eye: `sending` and `delay`; seconds
 * @property {number | undefined} sending from the camera to the server, as that tells it; seconds
 * @property {number | undefined} delay from the server to the eye: half of `rtt`, and `buffer`; seconds
 * @property {number | undefined} buffer how long pictures wait here, from their arrival to the screen; seconds
 * @property {number} framesDropped since the session began
 * @property {number} freezes since the session began
 * @property {number} frozenSeconds that the picture stood in them
 * @property {boolean} reached whether anything came from the server; true where the browser does not count that
 * @property {number} concealed share of the sound that was made up, as it did not arrive in time, 0 to 1
 */
export class ReceivingStats {
  /** @type {number | undefined} what the server says of it, in seconds */
  sending;

  #last = null;

  /**
   * @param {RTCStatsReport} report
   * @param {number | undefined} waited by pictures from their arrival to the screen, in seconds; undefined: only the
   *   report tells how long they were held
   * @returns {Stats | null} null: the first report, with nothing to compare
   */
  read(report, waited) {
    const all = [...report.values()];
    const inbound = all.filter(({ type }) => type === 'inbound-rtp');
    const video = inbound.find(({ kind }) => kind === 'video') ?? {};
    const audio = inbound.find(({ kind }) => kind === 'audio') ?? {};
    const pair = all.find(({ type, nominated }) => type === 'candidate-pair' && nominated) ?? {};
    const sum = (name) => (video[name] ?? 0) + (audio[name] ?? 0);
    const now = {
      at: performance.now() / 1000,
      bytes: sum('bytesReceived'),
      received: sum('packetsReceived'),
      lost: sum('packetsLost'),
      delay: video.jitterBufferDelay ?? 0,
      emitted: video.jitterBufferEmittedCount ?? 0,
      samples: audio.totalSamplesReceived ?? 0,
      heard: pair.packetsReceived === undefined ? Infinity : pair.packetsReceived + (pair.responsesReceived ?? 0),
      concealed: (audio.concealedSamples ?? 0) - (audio.silentConcealedSamples ?? 0),
    };
    const last = this.#last;
    this.#last = now;
    if (!last) return null;
    const since = (name) => Math.max(0, now[name] - last[name]);
    const rtt = pair.currentRoundTripTime;
    const buffer = waited ?? (since('emitted') ? since('delay') / since('emitted') : undefined);
    const delay = rtt === undefined || buffer === undefined ? undefined : rtt / 2 + buffer;
    const { sending } = this;
    const codec = (stats) => report.get(stats.codecId)?.mimeType.split('/')[1] ?? '';
    return {
      bitrate: (8 * since('bytes')) / (now.at - last.at),
      framesPerSecond: video.framesPerSecond ?? 0,
      width: video.frameWidth ?? 0,
      height: video.frameHeight ?? 0,
      videoCodec: codec(video),
      audioCodec: codec(audio),
      loss: since('lost') / Math.max(1, since('lost') + since('received')),
      rtt,
      latency: sending === undefined || delay === undefined ? undefined : sending + delay,
      sending,
      delay,
      buffer,
      framesDropped: video.framesDropped ?? 0,
      freezes: video.freezeCount ?? 0,
      frozenSeconds: video.totalFreezesDuration ?? 0,
      reached: now.heard === Infinity || now.heard !== last.heard,
      concealed: since('concealed') / Math.max(1, since('samples')),
    };
  }
}
