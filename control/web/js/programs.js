// Settings and commands for publishing with other programs; docs/clients.md explains each option.
import { say } from './language.js';

const PLACE = 'TOKEN'; // of a token that is not known
const HIDDEN = '•'.repeat(8); // on the screen, which others may see: only copies have the token

/**
 * @param {string} url the WHIP endpoint
 * @param {boolean} withToken the server requires one
 * @param {string} token of the room; empty: not known yet
 */
export function showPrograms(url, withToken, token) {
  const texts = (/** @type {string} */ text) => ({
    'obs-server': url,
    'obs-token': withToken ? text : say('publish.empty'),
    ffmpeg: ffmpeg(url, withToken && text),
    gstreamer: gstreamer(url, withToken && text),
  });
  const copied = texts(token || PLACE);
  for (const [id, text] of Object.entries(texts(token ? HIDDEN : PLACE))) {
    const element = document.getElementById(id);
    element.textContent = text;
    element.copied = copied[id];
  }
  document.getElementById('programs-token').hidden = !withToken || Boolean(token);
  document.getElementById('copy-token').hidden = !withToken || !token;
}

/** As a shell takes it. @param {string} text */
const quoted = (text) => (/^[\w.~•-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

const ffmpeg = (url, token) => `ffmpeg -re -i film.mp4 \\
  -c:v libx264 -profile:v baseline -pix_fmt yuv420p -preset veryfast -tune zerolatency -bf 0 -g 60 \\
  -c:a libopus -ar 48000 -ac 2 \\
  -f whip ${token ? `-authorization ${quoted(token)} ` : ''}${url}`;

const gstreamer = (url, token) => `gst-launch-1.0 whipsink name=out whip-endpoint=${url}${token ? ` auth-token=${quoted(token)}` : ''} \\
  videotestsrc is-live=true ! videoconvert ! vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay ! out. \\
  audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay ! out.`;
