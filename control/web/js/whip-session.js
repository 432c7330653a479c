// One session of a publisher (RFC 9725).
import { withOpus } from './opus-offer.js';
import { SendingStats } from './sending-stats.js';
import { Session } from './session.js';
import { encodings, limitOf } from './simulcast.js';

/**
 * @typedef {object} PublishOptions
 * @property {string} [codec] video codec to prefer, `video/VP9`; default: the browser's choice
 * @property {boolean} [simulcast] send the picture in up to three sizes, where it is large enough
 * @property {boolean} [stereo] send the sound in two channels, as music should be
 * @property {number} [maxBitrate] of the video, bits a second; with several sizes, of the largest
 * @property {number} [maxAudioBitrate] bits a second
 * @property {number} [maxFramerate] frames a second
 * @property {'maintain-framerate' | 'maintain-resolution' | 'balanced'} [degradationPreference] what to preserve
 *   when bandwidth or CPU are not sufficient
 */
export class SendingSession extends Session {
  #on;
  #options = {};
  #stats = new SendingStats();
  #ticking = null;
  #limited = Promise.resolve(); // one after the other: a sender takes its parameters as it told them last

  /**
   * @param {URL} endpoint
   * @param {string} token empty: none
   * @param {{stats: (stats: object) => void, interrupted: () => void, resumed: () => void}} on
   */
  constructor(endpoint, token, on) {
    super(endpoint, token, on);
    this.#on = on;
  }

  /**
   * Opens the session, with these tracks.
   * @param {MediaStream} stream
   * @param {RTCIceServer[]} iceServers
   * @param {PublishOptions} options
   * @throws what `Session.open` throws
   */
  async send(stream, iceServers, options) {
    this.#options = options;
    await this.open(iceServers, (pc) => {
      for (const track of stream.getTracks()) {
        const sendEncodings = track.kind === 'video' && options.simulcast ? encodings(track, options.maxBitrate) : [{}];
        const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings });
        if (track.kind === 'video' && options.codec) prefer(transceiver, options.codec);
      }
    }, () => this.limit(options));
    this.#ticking = setInterval(async () => {
      const stats = this.#stats.read(await this.pc.getStats());
      if (stats && this.pc.connectionState === 'connected') this.#on.stats(stats);
    }, 1000);
  }

  close() {
    clearInterval(this.#ticking);
    super.close();
  }

  /** What is sent is configured by the answer, and that follows the offer: in one channel, if it asks for nothing. */
  wished(sdp) {
    const { stereo, maxAudioBitrate } = this.#options;
    return stereo ? withOpus(sdp, { stereo: 1, 'sprop-stereo': 1, ...defined({ maxaveragebitrate: maxAudioBitrate }) }) : sdp;
  }

  async replaceTrack(track) {
    const sender = this.pc?.getSenders().find((one) => one.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  /** @param {PublishOptions} options */
  limit(options) {
    const limited = this.#limited.then(() => this.#limit(options));
    this.#limited = limited.catch(() => {});
    return limited;
  }

  /** @param {PublishOptions} options */
  async #limit({ maxBitrate, maxAudioBitrate, maxFramerate, degradationPreference }) {
    for (const sender of this.pc?.getSenders() ?? []) {
      const parameters = sender.getParameters();
      if (parameters.encodings.length === 0) continue; // the server rejected the track
      for (const encoding of parameters.encodings) {
        if (sender.track?.kind !== 'video') {
          Object.assign(encoding, defined({ maxBitrate: maxAudioBitrate }));
        } else if (encoding.rid) {
          Object.assign(encoding, { maxBitrate: limitOf(encoding.rid, sender.track, maxBitrate) }, defined({ maxFramerate }));
        } else {
          Object.assign(encoding, defined({ maxBitrate, maxFramerate }));
        }
      }
      if (sender.track?.kind === 'video') Object.assign(parameters, defined({ degradationPreference }));
      await sender.setParameters(parameters);
    }
  }

  /** Why the server closed the session; undefined without a reason, as when the server is gone. */
  async whenClosed() {
    const response = this.resource && await this.delete().catch(() => null);
    this.forget();
    return response?.ok ? (await response.json().catch(() => ({}))).reason : undefined;
  }
}

/** Puts one codec first; the others stay, for servers that do not support it. */
function prefer(transceiver, mimeType) {
  const { codecs } = RTCRtpSender.getCapabilities('video');
  const [wanted, others] = [[], []];
  for (const codec of codecs) {
    (codec.mimeType.toLowerCase() === mimeType.toLowerCase() ? wanted : others).push(codec);
  }
  transceiver.setCodecPreferences([...wanted, ...others]);
}

function defined(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
