// The candidates of an offer, for servers that are not ICE-lite. Loaded only for other servers than Roomcast.

const GATHER_SECONDS = 1; // at most: a STUN server that does not answer takes longer

/** Waits for the candidates of the present offer. @param {RTCPeerConnection} pc */
export function gathered(pc) {
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const look = () => pc.iceGatheringState === 'complete' && resolve();
    pc.addEventListener('icegatheringstatechange', look);
    setTimeout(resolve, 1000 * GATHER_SECONDS);
    look();
  }));
}
