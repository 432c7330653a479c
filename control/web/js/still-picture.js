// A room's still picture in an `img`, with the room's token where the server asks for tokens.
import { authorization, ROOT } from './server.js';
import { tokenFor } from './token.js';

/** @param {string} room @param {number} width 320 or 640 @param {number} takenAt so that a new picture has a new address */
const address = (room, width, takenAt) => new URL(`api/rooms/${room}/still?width=${width}&at=${Math.floor(takenAt)}`, ROOT);

/**
 * Shows the picture. Without one, and where a token is wanted and not known, the `img` stays hidden.
 * @param {HTMLImageElement} img
 * @param {{ name: string, stillAt: number | null, locked: boolean }} room
 * @param {number} width 320 or 640
 */
export async function showStill(img, { name, stillAt, locked }, width) {
  const token = locked ? tokenFor(name) : '';
  if (!stillAt || (locked && !token)) return;
  const url = address(name, width, stillAt);
  if (img.dataset.still === url.href) return;
  img.dataset.still = url.href;
  const source = token ? await withToken(url, token) : url.href;
  if (!source || img.dataset.still !== url.href) return; // there is a newer one
  img.src = source; // the old picture stays until this one is there
  await img.decode().catch(() => {}); // the next one may be there
  if (img.naturalWidth && img.dataset.still === url.href) img.hidden = false; // it may be unwanted by now
  if (token) URL.revokeObjectURL(source);
}

/** Forgets the picture, so that it takes no memory. @param {HTMLImageElement} img */
export function dropStill(img) {
  delete img.dataset.still;
  img.removeAttribute('src');
  img.hidden = true;
}

async function withToken(url, token) {
  const response = await fetch(url, { headers: authorization(token) }).catch(() => null);
  return response?.ok ? URL.createObjectURL(await response.blob()) : '';
}
