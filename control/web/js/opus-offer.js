// What an offer says of Opus. Browsers ask for less than they can do, and take wishes for more in the text alone.

/**
 * An offer with other parameters of Opus (RFC 7587 6.1), and more feedback.
 * @param {string} sdp
 * @param {Record<string, string | number>} parameters
 * @param {string[]} [feedback] kinds of `rtcp-fb`
 */
export function withOpus(sdp, parameters, feedback = []) {
  for (const [map, number] of sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000\/2\r\n/gim)) {
    const said = new RegExp(`^a=fmtp:${number} (.*)\\r\\n`, 'm').exec(sdp);
    const all = { ...Object.fromEntries((said?.[1] ?? '').split(';').map((one) => one.split('='))), ...parameters };
    const text = Object.entries(all).filter(([name]) => name).map(([name, value]) => `${name}=${value}`).join(';');
    const asked = feedback.map((kind) => `a=rtcp-fb:${number} ${kind}\r\n`).filter((line) => !sdp.includes(line));
    const lines = `a=fmtp:${number} ${text}\r\n${asked.join('')}`;
    sdp = said ? sdp.replace(said[0], lines) : sdp.replace(map, map + lines);
  }
  return sdp;
}
