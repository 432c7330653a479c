// What publishing by WHIP (RFC 9725) and playing by WHEP share: a peer connection, and the server's resource that
// belongs to it.
import { authorization, Refused } from './server.js';

const CONNECT_SECONDS = 15;
const DISCONNECTED_SECONDS = 2; // a connection that has been so for so long looks for another way
const RECOVERY_SECONDS = 12; // and is given up when it found none
const RETRY_MS = 500;

/** The server cannot be reached, or no packet finds its way to it. */
export class NotConnected extends Error {
  name = 'NotConnected';
}

export class Session {
  #endpoint;
  #authorization;
  #on;
  #pc = null;
  #resource = null;
  #links = '';
  #etag = null;
  #answer = '';
  #open = false;
  #recovering = false;
  #end;

  /** Fulfilled when it is over, with what `whenClosed` gives when it was the server that closed it. */
  over = new Promise((resolve) => { this.#end = resolve; });

  /**
   * @param {URL} endpoint
   * @param {string} token empty: none
   * @param {{interrupted: () => void, resumed: () => void}} on when the way to the server is lost, and found again
   */
  constructor(endpoint, token, on) {
    this.#endpoint = endpoint;
    this.#authorization = authorization(token);
    this.#on = on;
  }

  /** @returns {RTCPeerConnection} */
  get pc() { return this.#pc; }

  /** @returns {URL | null} null: the server has no such session */
  get resource() { return this.#resource; }

  /** The `Link` header of the answer. */
  get links() { return this.#links; }

  /**
   * Makes the offer, takes the answer, and returns once media can flow.
   *
   * Nothing waits for our candidates: the server is ICE-lite and learns our address from our first check.
   * @param {RTCIceServer[]} iceServers
   * @param {(pc: RTCPeerConnection) => void} describe adds the transceivers
   * @param {() => Promise<void>} [negotiated] called when the answer is taken, before media flows
   * @throws {Refused} the server refused
   * @throws {NotConnected} no way through the network, or `close` was called meanwhile
   */
  async open(iceServers, describe, negotiated = async () => {}) {
    this.#pc = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    describe(this.#pc);
    await this.#exchange();
    await negotiated();
    this.#expectEnd();
    await this.#connected(CONNECT_SECONDS, { failedIsFinal: true });
    this.#open = true;
    this.#watch();
  }

  /** Ends it here and on the server, also while the page goes away. */
  close() {
    this.#pc?.close();
    this.#open = false;
    this.#end();
    if (this.#resource) this.delete().catch(() => {}); // unreachable: it ends there by itself
    this.#resource = null;
  }

  /** Looks for a new way to the same session (RFC 9725 4.3.2); ends it when there is none. */
  async recover() {
    if (this.#recovering || !this.#open) return;
    this.#recovering = true;
    this.#on.interrupted();
    try {
      if (await this.isGone()) throw new Refused(404, 'session not found');
      await this.#restartIce();
      this.#on.resumed();
    } catch (error) {
      if (error.status === 404) this.forget();
      this.#end(); // whatever it was: a new session is the way out
    } finally {
      this.#recovering = false;
    }
  }

  /** Whether the server is known to have lost the session, so that nothing need be asked of it. */
  async isGone() { return false; }

  /** Called when the server has closed the session; `over` is fulfilled with what this gives. */
  async whenClosed() {
    this.forget();
  }

  /** The server has no such session any more: `close` need not delete it. */
  forget() {
    this.#resource = null;
  }

  /** @returns {Promise<Response>} */
  delete() {
    return fetch(this.#resource, { method: 'DELETE', headers: this.#authorization, keepalive: true });
  }

  async #exchange() {
    const pc = this.#pc;
    await pc.setLocalDescription();
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...this.#authorization },
      body: pc.localDescription.sdp,
    }).catch(() => { throw new NotConnected('the server cannot be reached'); });
    if (response.status !== 201) throw await Refused.from(response);
    this.#resource = new URL(response.headers.get('Location'), response.url);
    this.#links = response.headers.get('Link') ?? '';
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
    const dtls = this.#pc.getTransceivers()[0].receiver.transport;
    dtls.addEventListener('statechange', async () => {
      if (dtls.state === 'closed') this.#end(await this.whenClosed());
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
  }
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
