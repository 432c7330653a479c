// The lengths of recordings, read from the files, a few at a time.

const AT_ONCE = 2;

const known = new Map();
const waiting = [];
let busy = 0;

/**
 * The length of a recording in seconds, or NaN when the file does not contain it.
 * @param {string} key identifies the file and its state: each key is read once
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
