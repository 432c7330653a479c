// What this browser keeps from one visit to the next. Where storage is denied, as in some frames, it is for this page.

const VOLUME = 'roomcast-volume';
const LEAST_VOLUME = 0.01; // less cannot be heard

/** @param {string} key @returns {string} empty: nothing */
export function read(key) {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} key @param {string} text */
export function write(key, text) {
  try {
    localStorage.setItem(key, text);
  } catch { /* it is for this page */ }
}

/**
 * Keeps the volume that people have set. Whether there is sound is not kept: browsers start no video with it.
 * @param {HTMLVideoElement} video
 */
export function keepVolume(video) {
  const kept = Number.parseFloat(read(VOLUME));
  if (kept >= LEAST_VOLUME && kept <= 1) video.volume = kept;
  video.addEventListener('volumechange', () => {
    if (video.volume >= LEAST_VOLUME) write(VOLUME, String(video.volume));
  });
}
