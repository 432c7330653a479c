// ICE servers: those that this browser accepts, and what it says of TURN servers that do not serve.

/**
 * A connection with those of the ICE servers that the browser accepts. One that it refuses costs nothing else: browsers
 * throw at a port that they block, at a TURN server without credentials, at a URL that they cannot read.
 * @param {RTCConfiguration & { iceServers: RTCIceServer[] }} configuration
 */
export function newConnection(configuration) {
  try {
    return new RTCPeerConnection(configuration);
  } catch {
    return new RTCPeerConnection({ ...configuration, iceServers: configuration.iceServers.flatMap(accepted) });
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

const NO_ANSWER = 701; // the browsers' own code; all others are the server's (RFC 8489, RFC 8656)

/** Why no TURN server serves a connection. */
export class TurnTroubles {
  #errors = new Map(); // the code of each, and the URL of a server that has it
  #served = false;

  /** @param {RTCPeerConnection} pc before it gathers candidates */
  constructor(pc) {
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.type === 'relay') this.#served = true;
    });
    pc.addEventListener('icecandidateerror', ({ url, errorCode }) => {
      if (/^turns?:/.test(url)) this.#errors.set(errorCode, url);
    });
  }

  /** As a clause; empty when one serves, or when none was asked. */
  inWords() {
    if (this.#served || this.#errors.size === 0) return '';
    const answer = [...this.#errors.keys()].find((code) => code !== NO_ANSWER); // it says more than silence
    const code = answer ?? NO_ANSWER;
    const url = this.#errors.get(code);
    return `the TURN server ${url} ${whatItDoes(code, url)}`;
  }
}

function whatItDoes(code, url) {
  const untrusted = url.startsWith('turns:') ? ', or its certificate is not trusted' : '';
  switch (code) {
    case 401: return 'refuses the credentials: they are wrong or have expired';
    case 486: case 508: return 'has no room for another client';
    case NO_ANSWER: return `does not answer${untrusted}`;
    default: return `refuses (error ${code})`;
  }
}
