// Publishing by WHIP (RFC 9725).
import { Session } from './session.js';

/**
 * What this browser can send in one codec, with its retransmissions.
 * @param {string} mimeType `video/VP9` and the like
 */
export function sendable(mimeType) {
  const { codecs } = RTCRtpSender.getCapabilities('video');
  const wanted = mimeType.toLowerCase();
  if (!codecs.some((codec) => codec.mimeType.toLowerCase() === wanted)) return [];
  return codecs.filter(({ mimeType: type }) => [wanted, 'video/rtx'].includes(type.toLowerCase()));
}

/** A session that sends one stream to one room. */
export class Publishing extends Session {
  /**
   * @param {string} room
   * @param {string} token empty: none
   */
  constructor(room, token) {
    super(`api/whip/publish/${encodeURIComponent(room)}`, token);
  }

  /**
   * Returns once the stream flows.
   * @param {MediaStream} stream
   * @param {string} mimeType the video codec to send, `video/VP9` and the like; empty: the browser chooses
   * @throws what `Session.open` throws
   */
  start(stream, mimeType) {
    return this.open((pc) => {
      for (const track of stream.getTracks()) {
        const sender = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
        if (track.kind === 'video' && mimeType) sender.setCodecPreferences(sendable(mimeType));
      }
    });
  }
}
