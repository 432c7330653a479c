// The recordings page: lists, plays and downloads recordings; operators can delete them.
import { answered } from './confirm-dialog.js';
import { date, duration, size } from './format.js';
import { GrowingList } from './growing-list.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';
import { readName } from './record-name.js';
import { ask, Refused, ROOT } from './server.js';
import { askForToken } from './token-dialog.js';
import { ADMIN, tokenFor } from './token.js';
import { whileVisible } from './visible.js';
import { inWords } from './words.js';

const EVERY_SECONDS = 20;
const ROWS = 48; // added at a time, as the page is scrolled
const SCOPE = '@recordings'; // for a token that is not for a particular room

/** @param {string} id */
const element = (id) => document.getElementById(id);

const [list, summary, trouble, room, tracks, player] = ['records', 'summary', 'trouble', 'room', 'tracks', 'player'].map(element);

/**
 * As in `GET /api/records`; what is not known (yet) is not there.
 * @typedef {{ name: string, size: number, modTime: string, url: string,
 *   duration?: number, width?: number, height?: number, still?: string }} Entry
 */

/** @type {Entry[]} */
let entries = [];
let latest = null; // the last that was played: its name, and when its link was made
let server = null; // the reply of `api/bootstrap`

const rows = new KeyedRows(list, element('record-row'), {
  begin(row, entry) {
    const button = (action) => row.querySelector(`[data-action="${action}"]`);
    row.querySelector('img').addEventListener('error', ({ target }) => {
      target.removeAttribute('src');
      delete target.dataset.still; // the next list has another address of it
    });
    for (const action of ['play', 'download', 'delete']) {
      button(action).setAttribute('aria-label', `${button(action).textContent.trim()} ${entry.name}`);
    }
    button('play').hidden = !entry.playable;
    button('play').addEventListener('click', () => play(entry.name));
    button('delete').addEventListener('click', () => remove(entry.name));
  },
  fill(row, entry) {
    write(row, {
      room: entry.room,
      letter: entry.room[0].toUpperCase(),
      length: lengthOf(entry),
      pixels: entry.width ? `${entry.width} × ${entry.height}` : '',
      date: date(entry.began.toISOString()),
      size: size(entry.size),
      kind: entry.kind,
    });
    row.querySelector('[data-fact="pixels"]').hidden = !entry.width;
    showStill(row.querySelector('img'), entry);
    row.querySelector('[data-action="download"]').href = addressOf(entry);
    row.querySelector('[data-action="delete"]').hidden = !tokenFor(ADMIN);
  },
});

const growing = new GrowingList(element('more'), ROWS, () => show());

const token = () => tokenFor(ADMIN) || tokenFor(SCOPE);

async function renew() {
  try {
    server ??= await ask('api/bootstrap');
    if (server.authEnabled && !token()) return showClosed();
    entries = await ask('api/records', { token: token() });
    trouble.hidden = true;
    element('closed').hidden = true;
    show();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return showClosed();
    trouble.textContent = say('recordings.again', { trouble: inWords(error) });
    trouble.hidden = false;
  }
  return undefined;
}

function show() {
  const readable = entries.map((entry) => ({ ...entry, ...readName(entry.name) }));
  showRooms([...new Set(readable.map((entry) => entry.room))].sort());
  const all = tracks.checked || !readable.some(({ playable }) => playable);
  const wanted = readable.filter((entry) => (all || entry.playable) && (!room.value || entry.room === room.value));
  rows.show(wanted.slice(0, growing.shown), ({ name }) => name);
  growing.tell(wanted.length);
  list.hidden = wanted.length === 0;
  element('filter').hidden = entries.length === 0;
  element('empty').hidden = wanted.length > 0;
  if (!server.recordEnabled) element('empty-hint').textContent = say('recordings.off');
  const bytes = wanted.reduce((sum, entry) => sum + entry.size, 0);
  tell(wanted.length ? say('recordings.all', { count: wanted.length, size: size(bytes) }) : say('recordings.none'));
}

function showRooms(names) {
  const chosen = room.value;
  const now = [...room.options].slice(1).map(({ value }) => value);
  if (now.join() === names.join()) return;
  room.replaceChildren(room.options[0], ...names.map((name) => new Option(name)));
  room.value = names.includes(chosen) ? chosen : '';
}

/** As the server has read it from the file, otherwise the time for which it was written. */
const lengthOf = ({ duration: known, modTime, began }) => duration(known ?? (new Date(modTime) - began) / 1000);

/**
 * Each list has the picture under another address, since its signature expires: the last one, until the picture is there.
 * @param {HTMLImageElement} img loads late: when its row is about to be seen
 * @param {Entry} entry
 */
function showStill(img, entry) {
  if (!entry.still || (img.complete && img.dataset.still === String(entry.size))) return;
  img.dataset.still = String(entry.size);
  img.src = stillOf(entry, 320);
}

function showClosed() {
  entries = [];
  element('closed').hidden = false;
  element('closed-hint').textContent = say(token() ? 'recordings.wrongToken' : 'recordings.needsToken');
  for (const id of ['records', 'more', 'filter', 'empty']) element(id).hidden = true;
  tell(say('recordings.closed'));
}

/** With the signature, relative to where this page found the server. @param {{ url: string }} entry */
const addressOf = ({ url }) => new URL(url.slice(url.indexOf('records/')), ROOT).href;

/** @param {Entry} entry @param {320 | 640} width */
function stillOf({ still }, width) {
  const url = new URL(addressOf({ url: still }));
  url.searchParams.set('width', String(width));
  return url.href;
}

// --- actions

/** @param {string} name @param {number} from seconds after its beginning */
async function play(name, from = 0) {
  const video = element('player-video');
  const pressed = latest = { name, at: Date.now() };
  element('player-trouble').hidden = true;
  if (!player.open) player.showModal();
  await renew(); // the signature in an address is valid for 15 minutes
  if (!player.open || pressed !== latest) return undefined; // closed meanwhile
  const entry = entries.find((one) => one.name === name);
  if (!entry) return showPlayerTrouble(say('recordings.gone'));
  const { room: of, began } = readName(name);
  element('player-title').textContent = `${of}, ${date(began.toISOString())}`;
  if (entry.still) video.poster = stillOf(entry, 640);
  video.src = addressOf(entry);
  video.currentTime = from;
  return video.play().catch(() => {}); // not allowed to start by itself: people press play
}

function showPlayerTrouble(words) {
  element('player-trouble').textContent = words;
  element('player-trouble').hidden = false;
}

async function remove(name) {
  const sure = await answered({ question: say('recordings.deleteQuestion'), text: say('recordings.deleteText', { name }), action: say('recordings.delete') });
  if (!sure) return;
  try {
    await ask(`api/admin/records/${name}`, { method: 'DELETE', token: tokenFor(ADMIN) });
    tell(say('recordings.deleted', { name }));
  } catch (error) {
    trouble.textContent = spoken(error);
    trouble.hidden = false;
    return;
  }
  await renew();
}

/** @param {Error} error of a deletion */
function spoken(error) {
  if (error instanceof Refused && error.status === 404) return say('recordings.gone');
  return error instanceof Refused && error.status === 401 ? say('recordings.notAllowed') : inWords(error);
}

function tell(words) {
  if (summary.textContent !== words) summary.textContent = words; // screen readers read each change aloud
}

// --- the page's own events

element('player-close').addEventListener('click', () => player.close());
player.addEventListener('close', () => {
  for (const name of ['src', 'poster']) element('player-video').removeAttribute(name);
  element('player-video').load();
});
element('player-video').addEventListener('error', ({ target: { error, currentTime } }) => {
  if (!player.open) return;
  // A seek, or what follows a long pause, may come when the signature has expired; a new one that fails is no help.
  const isOld = Date.now() - latest.at > EVERY_SECONDS * 1000;
  if (error?.code === MediaError.MEDIA_ERR_NETWORK && isOld) play(latest.name, currentTime);
  else showPlayerTrouble(say('recordings.notPlayable'));
});
for (const input of [room, tracks]) {
  input.addEventListener('change', () => {
    growing.restart();
    show();
  });
}
element('filter').addEventListener('submit', (event) => event.preventDefault());
element('show-token').addEventListener('click', async () => {
  if (await askForToken(SCOPE, say('recordings.whichToken'))) await renew();
});

whileVisible(EVERY_SECONDS, renew);
