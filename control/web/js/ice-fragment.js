// The SDP of an ICE restart (RFC 9725 4.3.2): the fragment that is sent, and what the server's fragment changes.

/** The ICE credentials of an offer, as a fragment (RFC 8840 9). @param {string} sdp */
export function fragmentOf(sdp) {
  return ['a=ice-ufrag:', 'a=ice-pwd:', 'm=', 'a=mid:']
    .map((start) => `${sdp.split('\r\n').find((line) => line.startsWith(start))}\r\n`)
    .join('');
}

/** An answer with the credentials and candidates of a fragment. @param {string} answer @param {string} fragment */
export function renewed(answer, fragment) {
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
