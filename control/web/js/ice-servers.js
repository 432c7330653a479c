// ICE servers: those that this browser accepts, and what it says of TURN servers that do not serve.

/**
 * Gives the servers to a connection. One that the browser refuses is left out, and costs nothing else: browsers throw at
 * a port that they block, a TURN server without credentials, a URL that they cannot read.
 * @template T
 * @param {RTCIceServer[]} iceServers
 * @param {(iceServers: RTCIceServer[]) => T} give constructs or configures the connection
 * @returns {T} what `give` returned
 * @throws what `give` throws without any servers
 */
export function withAccepted(iceServers, give) {
  try {
    return give(iceServers);
  } catch {
    return give(iceServers.flatMap(accepted));
  }
}

/** The server with those of its URLs that are accepted; none, without any. @param {RTCIceServer} server */
function accepted(server) {
  const urls = [server.urls].flat().filter((url) => {
    try {
      new RTCPeerConnection({ iceServers: [{ ...server, urls: [url] }] }).close();
      return true;
    } catch (error) {
      console.warn(`This browser does not accept the ICE server ${url}, which is left out: ${error.message}`);
      return false;
    }
  });
  return urls.length > 0 ? [{ ...server, urls }] : [];
}

/** Why no TURN server serves a connection. */
export class TurnTroubles {
  #reasons = new Map(); // each with the URL of one that has it
  #served = false;

  /** @param {RTCPeerConnection} pc before it gathers candidates */
  constructor(pc) {
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.type === 'relay') this.#served = true;
    });
    pc.addEventListener('icecandidateerror', ({ url, errorCode }) => {
      if (/^turns?:/.test(url)) this.#reasons.set(reasonOf(errorCode), url);
    });
  }

  /** As a clause; empty when one serves, or when none was asked. */
  inWords() {
    if (this.#served) return '';
    const answers = [...this.#reasons].filter(([reason]) => reason !== UNREACHABLE); // they say more than silence
    const [told] = [...answers, ...this.#reasons];
    return told ? `the TURN server ${told[1]} ${told[0]}` : '';
  }
}

const UNREACHABLE = 'cannot be reached';

/** @param {number} code of STUN (RFC 8489, RFC 8656), or the browsers' 701 */
function reasonOf(code) {
  switch (code) {
    case 401: return 'refuses the credentials: they are wrong or have expired';
    case 486: case 508: return 'has no room for another client';
    case 701: return UNREACHABLE;
    default: return `refuses (error ${code})`;
  }
}
