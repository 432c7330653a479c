// The home page: what is live, renewed while somebody looks, and the doors to a room.
import { bitrate, codecs, count, duration } from './format.js';
import { ask, ROOT } from './server.js';
import { inWords } from './words.js';
import { whileVisible } from './visible.js';

const EVERY_SECONDS = 3;

const list = document.getElementById('rooms');
const empty = document.getElementById('empty');
const summary = document.getElementById('summary');
const trouble = document.getElementById('trouble');

/**
 * @typedef {object} Room as `GET /api/rooms?detail=true` has it
 * @property {string} name
 * @property {number} subscribers
 * @property {string[]} codecs
 * @property {number} bitrate bits a second
 * @property {number} uptime seconds
 */

/** Rows by the room's name: one that stays is changed, not made anew, so that focus stays too. */
const rows = new Map();

function show(/** @type {Room[]} */ rooms) {
  const live = new Set(rooms.map(({ name }) => name));
  for (const [name, row] of rows) {
    if (live.has(name)) continue;
    row.remove();
    rows.delete(name);
  }
  rooms.forEach((room, place) => {
    let row = rows.get(room.name);
    if (!row) rows.set(room.name, (row = newRow(room.name)));
    fill(row, room);
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
  list.hidden = rooms.length === 0;
  empty.hidden = rooms.length > 0;
  const viewers = rooms.reduce((sum, room) => sum + room.subscribers, 0);
  tell(rooms.length ? `${count(rooms.length, 'room')}, ${count(viewers, 'viewer')}.` : 'No room is live.');
}

function newRow(/** @type {string} */ name) {
  const row = document.getElementById('room-row').content.firstElementChild.cloneNode(true);
  const link = row.querySelector('a');
  link.href = `watch/${name}`;
  link.textContent = name;
  return row;
}

function fill(/** @type {Element} */ row, /** @type {Room} */ room) {
  const facts = {
    viewers: count(room.subscribers, 'viewer'),
    duration: `on air ${duration(room.uptime)}`,
    codecs: codecs(room.codecs),
    bitrate: bitrate(room.bitrate),
  };
  for (const [fact, text] of Object.entries(facts)) {
    row.querySelector(`[data-fact="${fact}"]`).textContent = text;
  }
}

function tell(/** @type {string} */ words) {
  if (summary.textContent !== words) summary.textContent = words; // it is read aloud when it changes
}

async function renew() {
  try {
    const rooms = await ask('api/rooms?detail=true');
    show(rooms.filter((room) => room.hasPublisher));
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = `${inWords(error)} Trying again…`;
    trouble.hidden = false;
  }
}

for (const page of ['publish', 'watch']) {
  document.getElementById(page).addEventListener('submit', (event) => {
    event.preventDefault();
    location.assign(new URL(`${page}/${event.target.elements.room.value}`, ROOT));
  });
}

whileVisible(EVERY_SECONDS, renew);
