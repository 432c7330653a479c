// The volume that people have set, kept for their next visit. Whether there is sound is not: browsers start no video with it.

const KEY = 'roomcast-volume';
const LEAST = 0.01; // less cannot be heard

/** @param {HTMLVideoElement} video */
export function keepVolume(video) {
  const kept = Number.parseFloat(read() ?? '');
  if (kept >= LEAST && kept <= 1) video.volume = kept;
  video.addEventListener('volumechange', () => {
    if (video.volume >= LEAST) write(String(video.volume));
  });
}

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch { // storage is denied, as in some frames
    return null;
  }
}

function write(volume) {
  try {
    localStorage.setItem(KEY, volume);
  } catch { /* it holds for this page */ }
}
