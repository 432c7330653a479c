// The operators' table of rooms: those with warnings first.
import { act } from './admin-act.js';
import { bitrate, codecs, count, duration, lines, share } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { ROOT } from './server.js';

const MOST = 100; // rows
const LOSSY = 0.02;

/** @param {string} id */
const element = (id) => document.getElementById(id);
const figure = new Intl.NumberFormat('en');

const rows = new KeyedRows(element('rooms'), element('room-row'), {
  begin(row, room) {
    const button = row.querySelector('button');
    button.setAttribute('aria-label', `Close ${room.name}`);
    button.addEventListener('click', () => closeRoom(room.name));
    row.querySelector('a').href = new URL(`watch/${room.name}`, ROOT);
  },
  fill(row, room) {
    write(row, {
      name: room.name,
      viewers: figure.format(room.subscribers),
      codecs: codecs(room.codecs),
      bitrate: bitrate(room.bitrate),
      loss: room.hasPublisher ? share(room.loss) : '–',
      uptime: duration((performance.now() - room.began) / 1000),
      workers: room.workers.join(', '),
    });
    row.querySelector('[data-cell="loss"]').classList.toggle('poor', room.loss >= LOSSY);
    const waits = room.hasPublisher ? [] : ['Nobody publishes at present.'];
    list(row.querySelector('[data-cell="warnings"]'), [...waits, ...room.warnings]);
    list(row.querySelector('[data-cell="layers"]'), room.layers.map(layerInWords));
  },
});

/** @param {Element} place @param {string[]} texts */
function list(place, texts) {
  place.hidden = texts.length === 0;
  if (texts.join('\n') === [...place.children].map(({ textContent }) => textContent).join('\n')) return;
  place.replaceChildren(...texts.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
}

/** `720p, 2.5 Mbit/s, 3 viewers`. */
function layerInWords(layer) {
  const rate = layer.bitrate ? bitrate(layer.bitrate) : 'not sent';
  return [lines(layer) || layer.rid, rate, count(layer.viewers, 'viewer')].filter(Boolean).join(', ');
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
  const words = all.length === 0 ? 'No room is live.' : found.length === 0 ? 'No room has this in its name.' : `And ${count(left, 'room')} more: enter a part of the name.`;
  element('more-rooms').textContent = words;
  element('more-rooms').hidden = found.length > 0 && left <= 0;
}

async function closeRoom(name) {
  await act({
    question: {
      question: `Close ${name}?`,
      text: 'Its publisher and all of its viewers are disconnected.',
      action: 'Close the room',
      fields: element('block-fields'),
    },
    path: `api/admin/rooms/${name}/close`,
    method: 'POST',
    body(entered) {
      const block = Number(entered.get('block'));
      return block ? { block, reason: entered.get('reason').trim() } : undefined;
    },
    done: ({ until }) => (until ? `${name} is closed and blocked.` : `${name} is closed.`),
  });
}

element('find').addEventListener('input', show);
