// When ICE servers do not work: a connection without those that the browser refuses, and words for what TURN servers
// answer. Loaded only then.

/**
 * A connection with those of the ICE servers that the browser accepts. It throws at a port that it blocks, at a TURN
 * server without credentials, at a URL that it cannot read.
 * @param {RTCConfiguration & { iceServers: RTCIceServer[] }} configuration
 */
export function connectionWithAccepted(configuration) {
  return new RTCPeerConnection({ ...configuration, iceServers: configuration.iceServers.flatMap(accepted) });
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

/**
 * Why no TURN server serves a connection, as a clause; empty when one does.
 * @param {RTCPeerConnection} pc
 * @param {Map<number, string>} errors the code of each, and the URL of a server that has it
 */
export async function turnTrouble(pc, errors) {
  for (const { type, candidateType } of (await pc.getStats()).values()) {
    if (type === 'local-candidate' && candidateType === 'relay') return '';
  }
  const answer = [...errors.keys()].find((code) => code !== NO_ANSWER); // it says more than silence
  const code = answer ?? NO_ANSWER;
  const url = errors.get(code);
  return `the TURN server ${url} ${whatItDoes(code, url)}`;
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
