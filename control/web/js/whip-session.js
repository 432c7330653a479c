// One session of a publisher (RFC 9725): a peer connection, and the server's resource that belongs to it.
import { SendingStats } from './sending-stats.js';
import { authorization, Refused } from './server.js';

const CONNECT_SECONDS = 15;
const DISCONNECTED_SECONDS = 2; // a connection that has been so for so long looks for another way
const RECOVERY_SECONDS = 12; // and is given up when it found none
const RETRY_MS = 500;

/** The server cannot be reached, or no packet finds its way to it. */
export class NotConnected extends Error {
  name = 'NotConnected';
}

/**
 * @typedef {object} PublishOptions
 * @property {string} [codec] video codec to prefer, `video/VP9`; default: the browser's choice
 * @property {number} [maxBitrate] of the video, bits a second
 * @property {number} [maxAudioBitrate] bits a second
 * @property {number} [maxFramerate] frames a second
 * @property {'maintain-framerate' | 'maintain-resolution' | 'balanced'} [degradationPreference] what to keep
 *   when bandwidth or CPU do not suffice
 */
export class Session {
  #endpoint;
  #authorization;
  #on;
  #pc = null;
  #resource = null;
  #etag = null;
  #answer = '';
  #recovering = false;
  #stats = new SendingStats();
  #ticking = null;
  #end;

  /** Fulfilled when it is over: with the server's reason when it ended it for good, else with undefined. */
  over = new Promise((resolve) => { this.#end = resolve; });

  /**
   * @param {URL} endpoint
   * @param {string} token empty: none
   * @param {{stats: (stats: object) => void, interrupted: () => void, resumed: () => void}} on
   */
  constructor(endpoint, token, on) {
    this.#endpoint = endpoint;
    this.#authorization = authorization(token);
    this.#on = on;
  }

  /**
   * Returns once media can flow.
   * @param {MediaStream} stream
   * @param {RTCIceServer[]} iceServers
   * @param {PublishOptions} options
   * @throws {Refused} the server refused
   * @throws {NotConnected} no way through the network, or `close` was called meanwhile
   */
  async open(stream, iceServers, options) {
    const pc = this.#pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    for (const track of stream.getTracks()) {
      const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
      if (track.kind === 'video' && options.codec) prefer(transceiver, options.codec);
    }
    await this.#exchange();
    await this.limit(options);
    this.#expectEnd();
    await this.#connected(CONNECT_SECONDS, { failedIsFinal: true });
    this.#watch();
  }

  /** Ends it here and on the server, also while the page goes away. */
  close() {
    clearInterval(this.#ticking);
    this.#pc?.close();
    this.#end();
    if (this.#resource) this.#delete().catch(() => {}); // unreachable: it ends there by itself
    this.#resource = null;
  }

  async replaceTrack(track) {
    const sender = this.#pc?.getSenders().find((one) => one.track?.kind === track.kind);
    await sender?.replaceTrack(track);
  }

  /** @param {PublishOptions} options */
  async limit({ maxBitrate, maxAudioBitrate, maxFramerate, degradationPreference }) {
    for (const sender of this.#pc?.getSenders() ?? []) {
      const parameters = sender.getParameters();
      const [encoding] = parameters.encodings;
      if (!encoding) continue; // the server took no such track
      if (sender.track?.kind === 'video') {
        Object.assign(encoding, defined({ maxBitrate, maxFramerate }));
        Object.assign(parameters, defined({ degradationPreference }));
      } else {
        Object.assign(encoding, defined({ maxBitrate: maxAudioBitrate }));
      }
      await sender.setParameters(parameters);
    }
  }

  /** Looks for a new way to the same session (RFC 9725 4.3.2); ends it when there is none. */
  async recover() {
    if (this.#recovering || !this.#resource || !this.#ticking) return;
    this.#recovering = true;
    this.#on.interrupted();
    try {
      await this.#restartIce();
      this.#on.resumed();
    } catch {
      this.#end(); // whatever it was: a new session is the way out
    } finally {
      this.#recovering = false;
    }
  }

  async #exchange() {
    const pc = this.#pc;
    await pc.setLocalDescription();
    // nothing waits for our candidates: the server learns our address from our first check
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...this.#authorization },
      body: pc.localDescription.sdp,
    }).catch(() => { throw new NotConnected('the server cannot be reached'); });
    if (response.status !== 201) throw await Refused.from(response);
    this.#resource = new URL(response.headers.get('Location'), response.url);
    this.#etag = response.headers.get('ETag');
    this.#answer = await response.text();
    if (pc.signalingState === 'closed') { // while the server was answering
      this.close();
      throw new NotConnected('closed');
    }
    await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer });
  }

  async #restartIce() {
    const pc = this.#pc;
    const until = performance.now() + 1000 * RECOVERY_SECONDS;
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
    const request = {
      method: 'PATCH',
      headers: {
        'Content-Type': 'application/trickle-ice-sdpfrag',
        'If-Match': this.#etag ?? '*',
        ...this.#authorization,
      },
      body: fragmentOf(pc.localDescription.sdp),
    };
    const response = await persistently(() => fetch(this.#resource, request), until);
    if (response.status !== 200) throw await Refused.from(response);
    this.#etag = response.headers.get('ETag');
    this.#answer = renewed(this.#answer, await response.text());
    await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer });
    await this.#connected((until - performance.now()) / 1000, { failedIsFinal: false });
  }

  /** @param {number} seconds at most */
  async #connected(seconds, { failedIsFinal }) {
    const pc = this.#pc;
    const watching = new AbortController();
    const up = new Promise((resolve, reject) => {
      const fail = () => reject(new NotConnected('no way through the network'));
      const look = () => {
        if (pc.connectionState === 'connected') resolve();
        if (pc.connectionState === 'failed' && failedIsFinal) fail();
      };
      pc.addEventListener('connectionstatechange', look, watching);
      const timer = setTimeout(fail, 1000 * seconds);
      watching.signal.addEventListener('abort', () => clearTimeout(timer));
      look();
    });
    const closed = this.over.then(() => { throw new NotConnected('closed'); });
    try {
      await Promise.race([up, closed]);
    } finally {
      watching.abort();
    }
  }

  /** A DTLS close_notify leaves `connectionState` as it is: only the transport tells. */
  #expectEnd() {
    const dtls = this.#pc.getSenders()[0].transport;
    dtls.addEventListener('statechange', async () => {
      if (dtls.state === 'closed') this.#end(await this.#reason());
    });
  }

  #watch() {
    const pc = this.#pc;
    let timer;
    pc.addEventListener('connectionstatechange', () => {
      clearTimeout(timer);
      if (pc.connectionState === 'failed') this.recover();
      if (pc.connectionState === 'disconnected') {
        timer = setTimeout(() => this.recover(), 1000 * DISCONNECTED_SECONDS);
      }
    });
    this.#ticking = setInterval(async () => {
      const stats = this.#stats.read(await pc.getStats());
      if (stats && pc.connectionState === 'connected') this.#on.stats(stats);
    }, 1000);
  }

  /** Why the server closed the session; undefined when it does not say, as when it is gone itself. */
  async #reason() {
    const response = await this.#delete().catch(() => null);
    this.#resource = null;
    return response?.ok ? (await response.json().catch(() => ({}))).reason : undefined;
  }

  #delete() {
    return fetch(this.#resource, { method: 'DELETE', headers: this.#authorization, keepalive: true });
  }
}

/** Puts one codec first; the others stay, for a server that cannot take it. */
function prefer(transceiver, mimeType) {
  const { codecs } = RTCRtpSender.getCapabilities('video');
  const [wanted, others] = [[], []];
  for (const codec of codecs) {
    (codec.mimeType.toLowerCase() === mimeType.toLowerCase() ? wanted : others).push(codec);
  }
  transceiver.setCodecPreferences([...wanted, ...others]);
}

/** The ICE credentials of an offer, as a fragment (RFC 8840 9). @param {string} sdp */
function fragmentOf(sdp) {
  return ['a=ice-ufrag:', 'a=ice-pwd:', 'm=', 'a=mid:']
    .map((start) => `${sdp.split('\r\n').find((line) => line.startsWith(start))}\r\n`)
    .join('');
}

/** An answer with the credentials and candidates of a fragment. @param {string} answer @param {string} fragment */
function renewed(answer, fragment) {
  const news = fragment.split(/\r?\n/);
  const starting = (start) => news.filter((line) => line.startsWith(start));
  const candidates = starting('a=candidate:');
  return answer
    .split('\r\n')
    .flatMap((line) => {
      if (line.startsWith('a=ice-ufrag:')) return starting('a=ice-ufrag:')[0];
      if (line.startsWith('a=ice-pwd:')) return [starting('a=ice-pwd:')[0], ...candidates];
      return candidates.length && line.startsWith('a=candidate:') ? [] : line;
    })
    .join('\r\n');
}

/** Calls until it does not fail, for while the network is away. @param {number} until `performance.now()` then */
async function persistently(call, until) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }
}

function defined(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
