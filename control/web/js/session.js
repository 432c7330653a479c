// What publishing by WHIP (RFC 9725) and playing by WHEP share: one offer, one answer, one DELETE.
import { ask, authorization, Refused, ROOT } from './server.js';

/**
 * The ICE servers that this server hands to its clients; a token is needed for TURN where there are tokens.
 * @param {string} token
 * @returns {Promise<RTCIceServer[]>}
 */
async function iceServers(token) {
  return (await ask('api/bootstrap', { token })).iceServers;
}

/** One peer connection and the server's resource that belongs to it. */
export class Session {
  #url;
  #token;
  #pc = null;
  #resource = null;
  #over = false;
  #end;

  /**
   * Resolves when it is over: `closed` by the server or by us, or `lost` by the network.
   * @type {Promise<'closed' | 'lost'>}
   */
  ended = new Promise((resolve) => { this.#end = resolve; });

  /**
   * @param {string} path the endpoint, relative to the server: `api/whip/publish/demo`
   * @param {string} token empty: none
   */
  constructor(path, token) {
    this.#url = new URL(path, ROOT);
    this.#token = token;
  }

  /**
   * Makes the offer, takes the answer, and returns once media can flow.
   *
   * Nothing waits for our candidates: the server is ICE-lite and learns our address from our first check.
   * @param {(pc: RTCPeerConnection) => void} describe adds the transceivers
   * @throws {Refused} the server said no
   * @throws {Error} no way through the network, or `close` was called meanwhile
   */
  async open(describe) {
    try {
      const servers = await iceServers(this.#token);
      if (this.#over) throw new Error('closed');
      this.#pc = new RTCPeerConnection({ iceServers: servers, bundlePolicy: 'max-bundle' });
      describe(this.#pc);
      await this.#exchange();
      await this.#connected();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends it here and on the server, also while the page goes away. */
  close() {
    this.#pc?.close();
    this.#finish('closed');
    this.#delete();
  }

  async #exchange() {
    const pc = this.#pc;
    await pc.setLocalDescription();
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', ...authorization(this.#token) },
      body: pc.localDescription.sdp,
    });
    if (response.status !== 201) throw await Refused.from(response);
    this.#resource = new URL(response.headers.get('Location'), response.url);
    if (this.#over) this.#delete(); // stopped while the server was answering
    await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  }

  async #connected() {
    const pc = this.#pc;
    // a DTLS close_notify leaves connectionState as it is: only the transport tells
    const dtls = pc.getReceivers()[0].transport;
    dtls.addEventListener('statechange', () => {
      if (dtls.state !== 'closed') return;
      this.#resource = null; // the server has dropped it
      this.#finish('closed');
    });
    const up = new Promise((resolve) => {
      const look = () => {
        if (pc.connectionState === 'connected') resolve();
        if (pc.connectionState === 'failed') this.#finish('lost');
      };
      pc.addEventListener('connectionstatechange', look);
      look();
    });
    const over = this.ended.then((reason) => { throw new Error(`connection ${reason}`); });
    await Promise.race([up, over]);
  }

  /** @param {'closed' | 'lost'} reason */
  #finish(reason) {
    this.#over = true;
    this.#end(reason);
  }

  #delete() {
    if (!this.#resource) return;
    const request = { method: 'DELETE', headers: authorization(this.#token), keepalive: true };
    fetch(this.#resource, request).catch(() => {}); // unreachable: it ends by itself
    this.#resource = null;
  }
}
