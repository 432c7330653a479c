// The home page: the live rooms, refreshed while the page is visible, and the forms that lead to a room.
import { bitrate, codecs, count, duration } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { ask, ROOT } from './server.js';
import { whileVisible } from './visible.js';
import { inWords } from './words.js';

const EVERY_SECONDS = 3;

const list = document.getElementById('rooms');
const empty = document.getElementById('empty');
const summary = document.getElementById('summary');
const trouble = document.getElementById('trouble');

/**
 * @typedef {object} Room as in `GET /api/rooms?detail=true`
 * @property {string} name
 * @property {number} subscribers
 * @property {string[]} codecs
 * @property {number} bitrate bits a second
 * @property {number} uptime seconds
 */

const rows = new KeyedRows(list, document.getElementById('room-row'), {
  begin(row, room) {
    const link = row.querySelector('a');
    link.href = `watch/${room.name}`;
    link.textContent = room.name;
  },
  fill(row, room) {
    write(row, {
      viewers: count(room.subscribers, 'viewer'),
      duration: `on air ${duration(room.uptime)}`,
      codecs: codecs(room.codecs),
      bitrate: bitrate(room.bitrate),
    });
  },
});

function show(/** @type {Room[]} */ rooms) {
  rows.show(rooms, ({ name }) => name);
  list.hidden = rooms.length === 0;
  empty.hidden = rooms.length > 0;
  const viewers = rooms.reduce((sum, room) => sum + room.subscribers, 0);
  tell(rooms.length ? `${count(rooms.length, 'room')}, ${count(viewers, 'viewer')}.` : 'No room is live.');
}

function tell(/** @type {string} */ words) {
  if (summary.textContent !== words) summary.textContent = words; // screen readers read each change aloud
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
