// The operators' page: rooms, workers and sessions, refreshed while the page is visible, and actions on them.
import { confirmed } from './confirm-dialog.js';
import { bitrate, codecs, count, duration, lines } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { ask, Refused, ROOT } from './server.js';
import { ADMIN, keepToken, tokenFor } from './token.js';
import { whileVisible } from './visible.js';
import { inWords } from './words.js';

const EVERY_SECONDS = 2;

/** @param {string} id */
const element = (id) => document.getElementById(id);

const [gate, office, trouble, ofRoom] = ['gate', 'office', 'trouble', 'of-room'].map(element);
const figure = new Intl.NumberFormat('en');

// --- the tables

const rooms = new KeyedRows(element('rooms'), element('room-row'), {
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
      uptime: duration(room.uptime),
      workers: room.workers.join(', '),
    });
    const warnings = row.querySelector('[data-cell="warnings"]');
    const items = room.warnings.map((words) => Object.assign(document.createElement('li'), { textContent: words }));
    warnings.replaceChildren(...items);
    warnings.hidden = items.length === 0;
    const layers = (room.layers ?? []).map((layer) => Object.assign(document.createElement('li'), { textContent: layerInWords(layer) }));
    row.querySelector('[data-cell="layers"]').replaceChildren(...layers);
  },
});

/** `720p, 2.5 Mbit/s, 3 viewers`. */
function layerInWords(layer) {
  const rate = layer.bitrate ? bitrate(layer.bitrate) : 'not sent';
  return [lines(layer) || layer.rid, rate, count(layer.viewers, 'viewer')].filter(Boolean).join(', ');
}

const workers = new KeyedRows(element('workers'), element('worker-row'), {
  begin(row, worker) {
    row.querySelector('meter').setAttribute('aria-label', `Load of ${worker.id}`);
    row.querySelector('button').addEventListener('click', ({ currentTarget }) => (
      currentTarget.value === 'drain' ? drain(worker.id) : undrain(worker.id)
    ));
  },
  fill(row, worker) {
    const draining = worker.state === 'draining';
    const full = !draining && !worker.takesViewers;
    write(row, {
      id: worker.id,
      state: draining ? 'Draining' : full ? 'Full' : 'Ready',
      load: `${Math.round(100 * worker.load)} %`,
      packets: figure.format(Math.round(worker.egressPackets)),
      viewers: figure.format(worker.viewers),
      sessions: figure.format(worker.sessions),
      rooms: figure.format(worker.rooms.length),
    });
    row.querySelector('[data-cell="state"]').className = `pill ${draining || full ? 'waiting' : 'live'}`;
    row.querySelector('meter').value = worker.load;
    const button = row.querySelector('button');
    button.value = draining ? 'undrain' : 'drain';
    button.textContent = draining ? 'Undrain' : 'Drain';
    button.setAttribute('aria-label', `${button.textContent} ${worker.id}`);
  },
});

/** The bytes of each session at the last refresh, at which uptime, and the bitrate since the one before. */
const seen = new Map();

const sessions = new KeyedRows(element('sessions'), element('session-row'), {
  fill(row, session) {
    const publishes = session.role === 'publish';
    write(row, {
      room: session.room,
      role: session.state === 'connected' ? (publishes ? 'Publisher' : 'Viewer') : `${publishes ? 'Publisher' : 'Viewer'}, ${session.state}`,
      id: session.id,
      address: session.transport === 'tcp' ? `${session.address} (TCP)` : session.address || '–',
      codecs: codecs(session.codecs),
      bitrate: bitrate(rate(session)),
      picture: session.layer || '–',
      reason: reason(session),
      loss: session.loss === null ? '–' : `${(100 * session.loss).toFixed(1)} %`,
      rtt: session.rtt === null ? '–' : `${Math.round(1000 * session.rtt)} ms`,
      resent: publishes ? '–' : figure.format(session.resent),
      uptime: duration(session.uptime),
    });
    row.querySelector('[data-cell="role"]').className = `pill ${session.state !== 'connected' ? 'waiting' : publishes ? 'live' : ''}`;
  },
});

/** Why a viewer gets this of the picture. */
function reason({ reason: name, carries }) {
  if (name === 'choice') return 'chosen';
  if (name !== 'line') return '';
  return carries === null ? 'slow line' : `line: ${bitrate(carries)}`;
}

/** Bits a second since the last refresh; at the first one, since the session began. */
function rate({ id, bytes, uptime }) {
  const before = seen.get(id) ?? { bytes: 0, uptime: 0 };
  if (uptime > before.uptime) seen.set(id, { bytes, uptime, rate: (8 * (bytes - before.bytes)) / (uptime - before.uptime) });
  return seen.get(id)?.rate;
}

async function look() {
  const token = tokenFor(ADMIN);
  const query = ofRoom.value ? `?room=${ofRoom.value}` : '';
  const [listed, allRooms, allWorkers] = await Promise.all([
    ask(`api/admin/sessions${query}`, { token }),
    ask('api/rooms?detail=true'),
    ask('api/workers', { token }),
  ]);
  rooms.show(allRooms, ({ name }) => name);
  workers.show(allWorkers, ({ id }) => id);
  sessions.show(listed.sessions, ({ id }) => id);
  const ids = new Set(listed.sessions.map(({ id }) => id));
  for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);

  const left = listed.total - listed.sessions.length;
  element('more-sessions').textContent = listed.total === 0 ? 'Nobody is connected.' : `And ${count(left, 'session')} more.`;
  element('more-sessions').hidden = listed.total > 0 && left === 0;
  element('no-rooms').hidden = allRooms.length > 0;
  element('no-workers').hidden = allWorkers.length > 0;
  for (const [body, things] of [['rooms', allRooms], ['workers', allWorkers], ['sessions', listed.sessions]]) {
    element(body).closest('.scroll').hidden = things.length === 0;
  }
  const viewers = allRooms.reduce((sum, room) => sum + room.subscribers, 0);
  element('summary').textContent = [
    count(allRooms.length, 'room'), count(viewers, 'viewer'), count(allWorkers.length, 'worker'),
  ].join(', ');
  showChoice(allRooms.map(({ name }) => name));
}

function showChoice(names) {
  const chosen = ofRoom.value;
  const all = names.includes(chosen) || !chosen ? names : [...names, chosen].sort();
  if ([...ofRoom.options].slice(1).map(({ value }) => value).join() === all.join()) return;
  ofRoom.replaceChildren(ofRoom.options[0], ...all.map((name) => new Option(name)));
  ofRoom.value = chosen;
}

async function renew() {
  if (!tokenFor(ADMIN)) return showGate('');
  try {
    await look();
    open(true);
    trouble.hidden = true;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return showGate('The server does not accept this token.');
    tellTrouble(`${inWords(error)} Trying again…`);
  }
  return undefined;
}

function showGate(words) {
  keepToken(ADMIN, '');
  open(false);
  element('summary').textContent = 'For operators of this server.';
  if (words) tellTrouble(words);
}

/** @param {boolean} entered */
function open(entered) {
  office.hidden = element('forget').hidden = !entered;
  if (gate.hidden === entered) return;
  gate.hidden = entered;
  if (!entered) element('token').focus();
}

// --- actions

async function closeRoom(name) {
  await act({
    question: `Close ${name}?`,
    text: 'Its publisher and all of its viewers are disconnected. The publisher can open it again.',
    action: 'Close the room',
  }, `api/admin/rooms/${name}/close`, 'POST', `${name} is closed.`);
}

async function drain(id) {
  await act({
    question: `Drain ${id}?`,
    text: 'It takes no new sessions, and asks its viewers to move to other workers. At its deadline it closes the remaining sessions and stops. Until then you can cancel this.',
    action: 'Drain the worker',
  }, `api/admin/workers/${id}/drain`, 'POST', `${id} is draining.`);
}

async function undrain(id) {
  await act(null, `api/admin/workers/${id}/drain`, 'DELETE', `${id} takes sessions again.`);
}

async function act(question, path, method, done) {
  if (question && !await confirmed(question)) return;
  try {
    await ask(path, { method, token: tokenFor(ADMIN) });
    element('done').textContent = done;
    trouble.hidden = true;
  } catch (error) {
    tellTrouble(error instanceof Refused && error.status === 404 ? 'It does not exist any more.' : inWords(error));
  }
  await renew();
}

function tellTrouble(words) {
  trouble.textContent = words;
  trouble.hidden = false;
}

// --- the page's own events

gate.addEventListener('submit', (event) => {
  event.preventDefault();
  keepToken(ADMIN, element('token').value.trim());
  gate.reset();
  trouble.hidden = true;
  renew();
});
element('forget').addEventListener('click', () => {
  trouble.hidden = true;
  showGate('');
});
ofRoom.addEventListener('change', renew);

whileVisible(EVERY_SECONDS, renew);
