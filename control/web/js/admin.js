// The operators' page: what the cluster does, by events, while the page is visible, and what operators do about it.
import { tellTrouble } from './admin-act.js';
import { showSettings } from './admin-room-settings.js';
import { showRooms } from './admin-rooms.js';
import { showRulings } from './admin-rulings.js';
import { filters, offerRooms, onFilter, showSessions } from './admin-sessions.js';
import { showWorkers } from './admin-workers.js';
import { ClusterCharts } from './cluster-charts.js';
import { EventStream } from './event-stream.js';
import { say } from './language.js';
import { ROOT } from './server.js';
import { ADMIN, keepToken, roleOf, tokenFor } from './token.js';
import { inWords } from './words.js';

const TICK_MS = 1000;

/** @param {string} id */
const element = (id) => document.getElementById(id);
const [gate, office] = ['gate', 'office'].map(element);

const charts = new ClusterCharts(element('charts'));
const rooms = new Map();
let workers = [];
let stream = null; // null: nobody has signed in
let isLost = false; // and the page says so
let complete = false; // the list of rooms

const ON_EVENT = {
  workers(data) {
    workers = data.workers;
    showWorkers(data);
    summarise();
  },
  rooms: takeRooms,
  sessions: showSessions,
  rulings: showRulings,
  totals: (data) => charts.add(data),
};

function takeRooms({ rooms: changed, gone, first, complete: whole }) {
  if (first) rooms.clear();
  for (const room of changed) rooms.set(room.name, { ...room, began: performance.now() - 1000 * room.uptime });
  for (const name of gone) rooms.delete(name);
  complete = whole;
  if (!whole) return;
  showRooms(rooms);
  offerRooms(rooms.keys());
  summarise();
}

function summarise() {
  const viewers = workers.reduce((sum, worker) => sum + worker.viewers, 0);
  element('summary').textContent = say('admin.all', {
    rooms: say('rooms.rooms', { count: rooms.size }),
    viewers: say('rooms.viewers', { count: viewers }),
    workers: say('admin.workers', { count: workers.length }),
  });
}

function follow() {
  stream?.close();
  const url = new URL(`api/admin/events?${filters()}`, ROOT);
  stream = new EventStream(url, tokenFor(ADMIN), {
    event(name, data) {
      ON_EVENT[name]?.(data);
      open(true);
      if (isLost) tellTrouble('');
      isLost = false;
    },
    lost(error) {
      isLost = true;
      tellTrouble(say('admin.again', { trouble: inWords(error) }));
    },
    refused: () => showGate(say('admin.wrongToken')),
  });
}

/** @param {string} words why; empty: somebody has signed out, or has not signed in */
function showGate(words) {
  stream?.close();
  stream = null;
  keepToken(ADMIN, '');
  open(false);
  element('summary').textContent = say('admin.about');
  tellTrouble(words);
}

/** @param {boolean} entered */
function open(entered) {
  if (gate.hidden === entered && office.hidden !== entered) return;
  office.hidden = element('forget').hidden = !entered;
  gate.hidden = entered;
  if (!entered) {
    element('token').focus();
    return;
  }
  office.dataset.role = roleOf(tokenFor(ADMIN)); // its styles hide what that role may not do
  showSettings();
}

gate.addEventListener('submit', (event) => {
  event.preventDefault();
  keepToken(ADMIN, element('token').value.trim());
  gate.reset();
  tellTrouble('');
  follow();
});
element('forget').addEventListener('click', () => showGate(''));
onFilter(follow);
setInterval(() => { if (complete && !document.hidden && !office.hidden) showRooms(rooms); }, TICK_MS); // the times on air

if (tokenFor(ADMIN)) follow();
else showGate('');
