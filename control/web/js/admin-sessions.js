// The operators' table of sessions, and its filters, which the server applies.
import { act } from './admin-act.js';
import { showLine } from './admin-line.js';
import { bitrate, codecs, duration, figure, milliseconds, share } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';

const LOSSY = 0.02;
const STATES = { new: 'admin.new', connecting: 'admin.connecting' };

/** @param {string} id */
const element = (id) => document.getElementById(id);
const [ofRoom, ofRole, inTrouble] = ['of-room', 'of-role', 'in-trouble'].map(element);

/** The bytes of each session in the latest event, at which uptime, and the bit rate since the one before. */
const seen = new Map();

const rows = new KeyedRows(element('sessions'), element('session-row'), {
  begin(row, session) {
    const [line, button] = row.querySelectorAll('button');
    button.setAttribute('aria-label', say('admin.endSession', { id: session.id }));
    button.addEventListener('click', () => end(session));
    line.setAttribute('aria-label', say('admin.lineOf', { id: session.id }));
    line.addEventListener('click', () => look(session));
    line.hidden = session.role === 'publish';
  },
  fill(row, session) {
    const publishes = session.role === 'publish';
    const role = say(session.standby ? 'admin.standby' : publishes ? 'admin.publisher' : 'admin.viewer');
    write(row, {
      room: session.room,
      role: session.state === 'connected' ? role : `${role}, ${say(STATES[session.state] ?? session.state)}`,
      id: session.id,
      address: session.transport === 'tcp' ? `${session.address} (TCP)` : session.address || '–',
      codecs: codecs(session.codecs),
      bitrate: bitrate(rate(session)),
      picture: session.layer || '–',
      reason: reason(session),
      loss: session.loss === null ? '–' : share(session.loss),
      sound: session.soundLost ? say('admin.lostSound', { count: figure(session.soundLost) }) : '',
      mended: mended(session),
      rtt: session.rtt === null ? '–' : milliseconds(session.rtt),
      resent: publishes ? '–' : figure(session.resent),
      uptime: duration(session.uptime),
    });
    row.querySelector('[data-cell="role"]').className = `pill ${session.state !== 'connected' ? 'waiting' : publishes ? 'live' : ''}`;
    row.querySelector('[data-cell="loss"]').classList.toggle('poor', session.loss >= LOSSY);
  },
});

/** Why a viewer gets this of the picture. */
function reason({ reason: name, carries }) {
  if (name === 'choice') return say('admin.chosen');
  if (name !== 'line') return '';
  return carries === null ? say('admin.slowLine') : say('admin.line', { rate: bitrate(carries) });
}

/** What mends the sound of a viewer that loses some. */
function mended({ soundRedundant, soundResent }) {
  if (!soundRedundant && !soundResent) return '';
  return say('admin.mended', { copies: figure(soundRedundant), resent: figure(soundResent) });
}

/** Bits a second since the event before; at the first one, since the session began. */
function rate({ id, bytes, uptime }) {
  const before = seen.get(id) ?? { bytes: 0, uptime: 0 };
  if (uptime > before.uptime) seen.set(id, { bytes, uptime, rate: (8 * (bytes - before.bytes)) / (uptime - before.uptime) });
  return seen.get(id)?.rate;
}

/** @param {{ total: number, sessions: object[] }} data of the event */
export function showSessions({ total, sessions }) {
  rows.show(sessions, ({ id }) => id);
  const ids = new Set(sessions.map(({ id }) => id));
  for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
  const left = total - sessions.length;
  const none = say(filters().size ? 'admin.noSuchSession' : 'admin.noSession');
  element('more-sessions').textContent = total === 0 ? none : say('admin.moreSessions', { count: left });
  element('more-sessions').hidden = total > 0 && left === 0;
  element('sessions').closest('.scroll').hidden = sessions.length === 0;
}

/** As the event stream takes them. @returns {URLSearchParams} */
export function filters() {
  const chosen = { room: ofRoom.value.trim(), role: ofRole.value, trouble: inTrouble.checked && 'true' };
  return new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
}

/** The rooms to choose from. @param {Iterable<string>} names */
export function offerRooms(names) {
  const list = element('room-names');
  const some = [...names].sort().slice(0, 500);
  if ([...list.options].map(({ value }) => value).join() === some.join()) return;
  list.replaceChildren(...some.map((name) => Object.assign(document.createElement('option'), { value: name })));
}

/** @param {() => void} changed another filter was chosen */
export function onFilter(changed) {
  for (const field of [ofRoom, ofRole, inTrouble]) {
    field.addEventListener('change', () => { if (ofRoom.reportValidity()) changed(); });
  }
}

/** @param {{ id: string, room: string }} session @param {string} [part] of it */
const pathOf = ({ id, room }, part = '') =>
  `api/admin/sessions/${encodeURIComponent(id)}${part}${room.includes('~') ? '' : `?room=${room}`}`; // the room of a check cannot be asked for

async function look(session) {
  const done = (log) => {
    showLine(session.id, log);
    return '';
  };
  await act({ path: pathOf(session, '/line'), method: 'GET', done });
}

async function end({ id, room }) {
  await act({
    question: {
      question: say('admin.endQuestion', { id }),
      text: say('admin.endText', { room }),
      action: say('admin.endAction'),
    },
    path: pathOf({ id, room }),
    method: 'DELETE',
    done: () => say('admin.ended', { id }),
  });
}
