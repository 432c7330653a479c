// Settings and commands for publishing with other programs; docs/clients.md explains each option.

/** @param {string} url the WHIP endpoint @param {boolean} withToken the server requires one */
export function showPrograms(url, withToken) {
  const texts = {
    'obs-server': url,
    'obs-token': withToken ? 'the token of this room' : 'leave it empty',
    ffmpeg: ffmpeg(url, withToken),
    gstreamer: gstreamer(url, withToken),
  };
  for (const [id, text] of Object.entries(texts)) document.getElementById(id).textContent = text;
  document.getElementById('programs-token').hidden = !withToken;
}

const ffmpeg = (url, withToken) => `ffmpeg -re -i film.mp4 \\
  -c:v libx264 -profile:v baseline -pix_fmt yuv420p -preset veryfast -tune zerolatency -bf 0 -g 60 \\
  -c:a libopus -ar 48000 -ac 2 \\
  -f whip ${withToken ? '-authorization TOKEN ' : ''}${url}`;

const gstreamer = (url, withToken) => `gst-launch-1.0 whipsink name=out whip-endpoint=${url}${withToken ? ' auth-token=TOKEN' : ''} \\
  videotestsrc is-live=true ! videoconvert ! vp8enc deadline=1 keyframe-max-dist=60 ! rtpvp8pay ! out. \\
  audiotestsrc is-live=true ! audioconvert ! audioresample ! opusenc ! rtpopuspay ! out.`;
