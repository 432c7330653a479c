// How long recordings are, read from the files themselves, a few at a time.

const AT_ONCE = 2;

const known = new Map();
const waiting = [];
let busy = 0;

/**
 * The length of a film in seconds, or NaN when the file does not tell.
 * @param {string} key names the file and its state: the same key is asked for once
 * @param {string} url
 */
export function mediaLength(key, url) {
  if (!known.has(key)) {
    known.set(key, new Promise((resolve) => {
      waiting.push({ url, resolve });
      next();
    }));
  }
  return known.get(key);
}

async function next() {
  if (busy >= AT_ONCE || waiting.length === 0) return;
  busy += 1;
  const { url, resolve } = waiting.shift();
  resolve(await read(url));
  busy -= 1;
  next();
}

function read(url) {
  const media = document.createElement('video');
  media.preload = 'metadata';
  return new Promise((resolve) => {
    const done = () => {
      resolve(Number.isFinite(media.duration) ? media.duration : NaN);
      media.removeAttribute('src');
      media.load();
    };
    media.addEventListener('loadedmetadata', done, { once: true });
    media.addEventListener('error', done, { once: true });
    media.src = url;
  });
}
