// The volume that people have set, kept for their next visit. Whether there is sound is not: browsers start no video with it.
import { read, write } from './kept.js';

const KEY = 'roomcast-volume';
const LEAST = 0.01; // less cannot be heard

/** @param {HTMLVideoElement} video */
export function keepVolume(video) {
  const kept = Number.parseFloat(read(KEY));
  if (kept >= LEAST && kept <= 1) video.volume = kept;
  video.addEventListener('volumechange', () => {
    if (video.volume >= LEAST) write(KEY, String(video.volume));
  });
}
