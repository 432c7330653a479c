// One session of WHIP (RFC 9725) or WHEP: a peer connection, and the resource on the server that belongs to it.
import { fragmentOf, renewed } from './ice-fragment.js';
import { authorization, Refused } from './requests.js';

const ROOMCAST = /\/api\/(whip\/publish|whep\/play)\/[A-Za-z0-9_-]+$/; // the path of its endpoints
const CONNECT_SECONDS = 15;
const DISCONNECTED_SECONDS = 2; // before a disconnected session restarts ICE
const RECOVERY_SECONDS = 12; // before it is given up
const RETRY_MS = 500;

/** The server cannot be reached by HTTP, or no way was found for media; `message` says which. */
export class NotConnected extends Error {
  name = 'NotConnected';

  /**
   * @param {string} message
   * @param {'unreachable' | 'network' | 'closed'} reason the same, for pages with words of their own
   * @param {string} [detail] why there was no way through the network
   */
  constructor(message, reason, detail = '') {
    super(message);
    this.reason = reason;
    this.detail = detail;
  }
}

export class Session {
  #endpoint;
  #authorization;
  #on;
  #pc = null;
  #turnErrors = new Map();
  #turnTrouble = null; // of ice-servers.js, once a TURN server has failed
  #resource = null;
  #links = '';
  #etag = null;
  #answer = '';
  #open = false;
  #closed = false; // for good
  #recovering = false;
  #closedByServer = false;
  #end;

  /** Fulfilled when the session is over; with the result of `whenClosed` when the server has closed it. */
  over = new Promise((resolve) => { this.#end = resolve; });

  /**
   * @param {URL} endpoint
   * @param {string} token empty: none
   * @param {{interrupted: () => void, resumed: () => void}} on the connection is lost, and restored
   */
  constructor(endpoint, token, on) {
    this.#endpoint = endpoint;
    this.#authorization = authorization(token);
    this.#on = on;
  }

  /** @returns {RTCPeerConnection} */
  get pc() { return this.#pc; }

  /** Whether the server has ended the session, and has said so. */
  get closedByServer() { return this.#closedByServer; }

  /** @returns {URL | null} null: the server has no such session, or does not say where */
  get resource() { return this.#resource; }

  /** The `Link` header of the answer. */
  get links() { return this.#links; }

  /**
   * Sends the offer, applies the answer, and returns once media can flow.
   *
   * An offer to Roomcast does not wait for candidates: it is ICE-lite, and learns our address from our first check.
   * @param {RTCIceServer[]} iceServers
   * @param {(pc: RTCPeerConnection) => void} describe adds the transceivers
   * @param {() => Promise<void>} [negotiated] called when the answer is applied, before media flows
   * @throws {Refused} the server refused
   * @throws {NotConnected} no connection came about, or `close` was called meanwhile
   */
  async open(iceServers, describe, negotiated = async () => {}) {
    this.#expectUse();
    const configuration = { iceServers, bundlePolicy: /** @type {const} */ ('max-bundle') };
    try {
      this.#pc = new RTCPeerConnection(configuration);
    } catch {
      const { connectionWithAccepted } = await troubles().catch(unreachable);
      this.#expectUse();
      this.#pc = connectionWithAccepted(configuration);
    }
    this.#noteTurnErrors();
    describe(this.#pc);
    await this.#exchange();
    await negotiated();
    this.#expectEnd();
    await this.#connected(CONNECT_SECONDS, { failedIsFinal: true });
    this.#open = true;
    this.#watch();
  }

  /** Ends the session here and on the server, also while the page is being closed. */
  close() {
    this.#closed = true;
    this.#pc?.close();
    this.#open = false;
    this.#end();
    if (this.#resource) this.delete().catch(() => {}); // unreachable: the server ends it by itself
    this.#resource = null;
  }

  /** Restarts ICE (RFC 9725 4.3.2); ends the session when that fails. */
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
      this.#end(); // whatever the error: a new session is the remedy
    } finally {
      this.#recovering = false;
    }
  }

  /** Whether the server is known to have lost the session, so that a request would be in vain. */
  async isGone() { return false; }

  /** The offer as it is made. A browser that does not take it makes its own. @param {string} sdp */
  wished(sdp) { return sdp; }

  /** The answer as it is applied. @param {string} sdp */
  completed(sdp) { return sdp; }

  /** Called when the server has closed the session; `over` is fulfilled with the result. */
  async whenClosed() {
    this.forget();
  }

  /** The server no longer has the session: `close` need not delete it. */
  forget() {
    this.#resource = null;
  }

  /**
   * Tells the server that it is over. To Roomcast the session's URL is credential enough, and a token that has
   * expired, for which it may be over, would be refused.
   * @returns {Promise<Response>}
   */
  delete() {
    const headers = this.#isOfRoomcast ? {} : this.#authorization;
    return fetch(this.#resource, { method: 'DELETE', headers, keepalive: true });
  }

  get #isOfRoomcast() { return ROOMCAST.test(this.#endpoint.pathname); }

  async #exchange() {
    const pc = this.#pc;
    await this.#offer();
    if (!this.#isOfRoomcast) {
      const { gathered } = await import('./gathering.js').catch(unreachable);
      await gathered(pc);
    }
    this.#expectUse(); // nobody wants what the server would answer
    const response = await fetch(this.#endpoint, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...this.#authorization },
      body: pc.localDescription.sdp,
    }).catch(unreachable);
    const offers = response.status === 406 && response.headers.get('Content-Type')?.startsWith('application/sdp');
    if (!response.ok && !offers) throw await Refused.from(response);
    const location = response.headers.get('Location'); // null: a server of another origin does not expose it
    this.#resource = location && new URL(location, response.url);
    this.#links = response.headers.get('Link') ?? '';
    this.#etag = response.headers.get('ETag');
    const sdp = await response.text().catch(unreachable);
    this.#answer = offers ? sdp.replaceAll('a=setup:actpass', 'a=setup:passive') : this.completed(sdp);
    if (this.#closed) this.close(); // while the server was answering: now there is something to delete
    this.#expectUse();
    if (offers) await this.#accept(sdp);
    else await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer });
  }

  /** Answers an offer of the server, which cannot answer ours (draft-ietf-wish-whep 4.3.2). */
  async #accept(sdp) {
    const pc = this.#pc;
    if (!this.#resource) throw new Refused(406, 'the server does not say where to answer its offer');
    await pc.setLocalDescription({ type: 'rollback' });
    await pc.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of pc.getTransceivers()) if (transceiver.mid === null) transceiver.stop(); // of our offer
    await pc.setLocalDescription(await pc.createAnswer());
    this.#expectUse();
    const response = await fetch(this.#resource, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/sdp', ...this.#authorization },
      body: pc.localDescription.sdp,
    }).catch(unreachable);
    if (!response.ok) throw new Refused(406, (await Refused.from(response)).message);
    this.#expectUse();
  }

  async #offer() {
    const pc = this.#pc;
    const { type, sdp } = await pc.createOffer();
    this.#expectUse();
    await pc.setLocalDescription({ type, sdp: this.wished(sdp) }).catch(() => pc.setLocalDescription({ type, sdp }));
  }

  async #restartIce() {
    // RFC 9725 4.3.1: a server that restarts ICE has sent an ETag
    const resource = this.#resource; // `close` forgets it
    if (!resource || !this.#etag) throw new NotConnected('the server does not restart ICE', 'network');
    const pc = this.#pc;
    const until = performance.now() + 1000 * RECOVERY_SECONDS;
    await pc.setLocalDescription(await pc.createOffer({ iceRestart: true })); // it keeps what was wished
    const request = {
      method: 'PATCH',
      headers: {
        'Content-Type': 'application/trickle-ice-sdpfrag',
        'If-Match': this.#etag,
        ...this.#authorization,
      },
      body: fragmentOf(pc.localDescription.sdp),
    };
    const response = await persistently(() => fetch(resource, request), until, () => this.#closed);
    if (response.status !== 200) throw await Refused.from(response);
    this.#etag = response.headers.get('ETag') ?? '*';
    this.#answer = renewed(this.#answer, await response.text());
    await pc.setRemoteDescription({ type: 'answer', sdp: this.#answer });
    await this.#connected((until - performance.now()) / 1000, { failedIsFinal: false });
  }

  /** @param {number} seconds at most */
  async #connected(seconds, { failedIsFinal }) {
    const pc = this.#pc;
    const watching = new AbortController();
    const up = new Promise((resolve, reject) => {
      const fail = async () => {
        const why = await this.#turnTrouble?.(pc, this.#turnErrors);
        reject(new NotConnected(`no connection through the network${why ? `: ${why}` : ''}`, 'network', why));
      };
      const look = () => {
        if (pc.connectionState === 'connected') resolve();
        if (pc.connectionState === 'failed' && failedIsFinal) fail();
      };
      pc.addEventListener('connectionstatechange', look, watching);
      const timer = setTimeout(fail, 1000 * seconds);
      watching.signal.addEventListener('abort', () => clearTimeout(timer));
      look();
    });
    const ended = this.over.then(closed);
    try {
      await Promise.race([up, ended]);
    } finally {
      watching.abort();
    }
  }

  #expectUse() {
    if (this.#closed) closed();
  }

  #noteTurnErrors() {
    this.#pc.addEventListener('icecandidateerror', ({ url, errorCode }) => {
      if (!/^turns?:/.test(url)) return;
      this.#turnErrors.set(errorCode, url);
      troubles().then(({ turnTrouble }) => { this.#turnTrouble = turnTrouble; }, () => {});
    });
  }

  /** A DTLS close_notify does not change `connectionState`: only the transport shows it. */
  #expectEnd() {
    const dtls = this.#pc.getReceivers().map(({ transport }) => transport).find(Boolean); // null: a rejected track's
    dtls?.addEventListener('statechange', async () => {
      if (dtls.state !== 'closed') return;
      this.#closedByServer = true;
      this.#end(await this.whenClosed());
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

const troubles = () => import('./ice-servers.js');

/** @returns {never} */
const closed = () => { throw new NotConnected('the connection was closed', 'closed'); };

/** @returns {never} */
const unreachable = () => { throw new NotConnected('the server cannot be reached', 'unreachable'); };

/**
 * Repeats a call that fails, as while the network is away.
 * @param {number} until a time of `performance.now()`
 * @param {() => boolean} isOver whether nobody wants the result any more
 */
async function persistently(call, until, isOver) {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
      if (isOver()) throw error;
    }
  }
}
