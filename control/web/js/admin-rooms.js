// The operators' table of rooms: those with warnings first.
import { act } from './admin-act.js';
import { setRoom } from './admin-room-settings.js';
import { bitrate, codecs, duration, figure, lines, milliseconds, share } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';
import { warningItems } from './room-warnings.js';
import { ROOT } from './server.js';

const MOST = 100; // rows
const LOSSY = 0.02;

/** @param {string} id */
const element = (id) => document.getElementById(id);

const rows = new KeyedRows(element('rooms'), element('room-row'), {
  begin(row, room) {
    const [next, settings, close] = row.querySelectorAll('button');
    next.setAttribute('aria-label', say('admin.switchRoom', { room: room.name }));
    next.addEventListener('click', () => switchRoom(room.name));
    settings.setAttribute('aria-label', say('admin.settingsOf', { room: room.name }));
    settings.addEventListener('click', () => setRoom(room.name));
    close.setAttribute('aria-label', say('admin.closeRoom', { room: room.name }));
    close.addEventListener('click', () => closeRoom(room.name));
    row.querySelector('a').href = new URL(`watch/${room.name}`, ROOT);
  },
  fill(row, room) {
    write(row, {
      name: room.name,
      viewers: figure(room.subscribers),
      codecs: codecs(room.codecs),
      bitrate: bitrate(room.bitrate),
      loss: room.hasPublisher ? share(room.loss) : '–',
      delay: room.delay ? milliseconds(room.delay) : '–', // to its worker: nobody here knows viewers' buffers
      uptime: duration((performance.now() - room.began) / 1000),
      workers: room.workers.join(', '),
    });
    row.querySelector('button').hidden = !room.standbys;
    row.querySelector('.recording').hidden = !room.recording;
    row.querySelector('[data-cell="loss"]').classList.toggle('poor', room.loss >= LOSSY);
    const waits = room.hasPublisher ? [] : [item(say('admin.nobodyPublishes'))];
    if (room.standbyOn) waits.push(item(say('admin.standbyOn')));
    else if (room.standbys) waits.push(item(say('admin.standbys', { count: room.standbys })));
    list(row.querySelector('[data-cell="warnings"]'), [...waits, ...warningItems(room.warnings)]);
    list(row.querySelector('[data-cell="layers"]'), room.layers.map((layer) => item(layerInWords(layer))));
  },
});

const item = (text) => Object.assign(document.createElement('li'), { textContent: text });

/** @param {Element} place @param {HTMLLIElement[]} items */
function list(place, items) {
  place.hidden = items.length === 0;
  const texts = (all) => [...all].map(({ textContent }) => textContent).join('\n');
  if (texts(items) !== texts(place.children)) place.replaceChildren(...items);
}

/** `720p, 2.5 Mbit/s, 3 viewers`. */
function layerInWords(layer) {
  const rate = layer.bitrate ? bitrate(layer.bitrate) : say('admin.notSent');
  return [lines(layer) || layer.rid, rate, say('rooms.viewers', { count: layer.viewers })].filter(Boolean).join(', ');
}

let all = [];

/** @param {Map<string, import('./room-events.js').Room & { began: number }>} rooms */
export function showRooms(rooms) {
  all = [...rooms.values()].sort((a, b) => wrong(b) - wrong(a) || (a.name < b.name ? -1 : 1));
  show();
}

/** How much is wrong with a room. */
const wrong = (room) => room.warnings.length + (room.loss >= LOSSY) + !room.hasPublisher;

function show() {
  const text = element('find').value.trim().toLowerCase();
  const found = text ? all.filter(({ name }) => name.toLowerCase().includes(text)) : all;
  rows.show(found.slice(0, MOST), ({ name }) => name);
  element('rooms').closest('.scroll').hidden = found.length === 0;
  const left = found.length - MOST;
  if (all.length === 0) element('more-rooms').textContent = say('admin.noRoom');
  else element('more-rooms').textContent = found.length === 0 ? say('admin.noneFound') : say('admin.moreRooms', { count: left });
  element('more-rooms').hidden = found.length > 0 && left <= 0;
}

const switchRoom = (name) => act({
  path: `api/admin/rooms/${name}/switch`,
  method: 'POST',
  done: () => say('admin.switched', { room: name }),
});

async function closeRoom(name) {
  await act({
    question: {
      question: say('admin.closeQuestion', { room: name }),
      text: say('admin.closeText'),
      action: say('admin.closeAction'),
      fields: element('block-fields'),
    },
    path: `api/admin/rooms/${name}/close`,
    method: 'POST',
    body(entered) {
      const block = Number(entered.get('block'));
      return block ? { block, reason: entered.get('reason').trim() } : undefined;
    },
    done({ until, unreached = [] }) {
      if (unreached.length) return say('admin.closedNotEverywhere', { room: name, workers: unreached.join(', ') });
      return say(until ? 'admin.closedAndBlocked' : 'admin.closed', { room: name });
    },
  });
}

element('find').addEventListener('input', show);
