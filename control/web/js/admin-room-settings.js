// What is set for single rooms: listed, changed and removed. Tokens can be set, and are never shown.
import { act, tellTrouble } from './admin-act.js';
import { date, figure } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';
import { ask, Refused } from './server.js';
import { ADMIN, tokenFor } from './token.js';
import { inWords } from './words.js';

const MOST = 100; // rows
const PATH = 'api/admin/rooms';

/** @param {string} id */
const element = (id) => document.getElementById(id);
const [form, room] = ['set-room', 'room-to-set'].map(element);

let environment = null; // what holds where a room sets nothing; null: it could not be read

const inTruth = (value) => (value === null ? '–' : say(value ? 'admin.yes' : 'admin.no'));

const rows = new KeyedRows(element('settings'), element('setting-row'), {
  begin(row, one) {
    const [change, remove] = row.querySelectorAll('button');
    change.setAttribute('aria-label', say('admin.settingsOf', { room: one.room }));
    change.addEventListener('click', () => setRoom(one.room));
    remove.setAttribute('aria-label', say('admin.removeSettings', { room: one.room }));
    remove.addEventListener('click', () => removeSettings(one.room));
  },
  fill(row, one) {
    write(row, {
      room: one.room,
      title: one.title || '–',
      seats: one.seats === null ? '–' : String(one.seats),
      tokens: say('admin.tokenCounts', { publish: one.publishTokenCount, play: one.playTokenCount }),
      listed: inTruth(one.listed),
      recorded: inTruth(one.recorded),
      until: one.until === null ? '–' : date(new Date(1000 * one.until).toISOString()),
    });
  },
});

/** Read the settings anew, and show them. */
export async function showSettings() {
  try {
    const { rooms, environment: found } = await ask(`${PATH}?limit=${MOST + 1}`, { token: tokenFor(ADMIN) });
    environment = found;
    rows.show(rooms.slice(0, MOST), (one) => one.room);
    element('settings').closest('.scroll').hidden = rooms.length === 0;
    element('more-settings').textContent = say(rooms.length === 0 ? 'admin.noSettings' : 'admin.moreSettings');
    element('more-settings').hidden = rooms.length > 0 && rooms.length <= MOST;
  } catch (error) {
    tellTrouble(inWords(error));
  }
}

/**
 * Ask for the settings of a room, and save them.
 * @param {string} name
 * @returns {Promise<boolean>} whether they are saved
 */
export async function setRoom(name) {
  let known = {};
  try {
    known = await ask(`${PATH}/${name}`, { token: tokenFor(ADMIN) });
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) { // 404: nothing is set for it
      tellTrouble(inWords(error));
      return false;
    }
  }
  const done = await act({
    question: {
      question: say('admin.settingsOf', { room: name }),
      text: say('admin.settingsText'),
      action: say('admin.save'),
      isSafe: true,
      fields: element('settings-fields'),
      fill: (entered) => fill(entered, known),
    },
    path: `${PATH}/${name}`,
    method: 'PATCH',
    body,
    done: () => say('admin.settingsSaved', { room: name }),
  });
  if (done) await showSettings();
  return done;
}

/** @param {HTMLFormElement} form @param {object} known what is set for the room */
function fill(form, known) {
  showEnvironment(form);
  enter(form.elements, known);
}

/** Show below each setting what holds if the room does not set it. @param {HTMLFormElement} form */
function showEnvironment(form) {
  if (!environment) return;
  const { seats, recorded, formats, keepDays, stills } = environment;
  const kinds = [...form.elements.formats.options].find(({ value }) => value === JSON.stringify(formats));
  for (const [name, value, setting] of [
    ['seats', seats ? figure(seats) : say('admin.noLimit'), 'MAX_SUBS_PER_ROOM'],
    ['recorded', inTruth(recorded), 'RECORD_ENABLED'],
    ['formats', kinds?.text ?? formats.join(', '), 'RECORD_FORMATS'],
    ['keepDays', keepDays ? figure(keepDays) : say('admin.forEver'), 'RECORD_KEEP_DAYS'],
    ['stills', inTruth(stills), 'SNAPSHOTS'],
  ]) {
    const hint = form.querySelector(`[data-from="${name}"]`);
    hint.textContent = say('admin.from', { value, setting });
    hint.hidden = false;
  }
}

function enter(fields, { title, seats, listed, recorded, formats, keepDays, stills, slate, labels, until }) {
  for (const [name, value] of Object.entries({ title, seats, keepDays, slate })) fields[name].value = value ?? '';
  for (const [name, value] of Object.entries({ listed: listed ?? true, recorded, formats, stills })) {
    fields[name].value = JSON.stringify(value ?? null);
  }
  fields.labels.value = Object.entries(labels ?? {}).map((label) => label.join('=')).join('\n');
  if (until) fields.until.value = localTime(until);
}

/** As an input of that kind has it, to the second. @param {number} unixTime */
function localTime(unixTime) {
  const offset = 60 * new Date(1000 * unixTime).getTimezoneOffset();
  return new Date(1000 * (Math.floor(unixTime) - offset)).toISOString().slice(0, 19);
}

/** @param {FormData} entered */
function body(entered) {
  const text = (name) => entered.get(name).trim();
  const number = (name) => (text(name) ? Number(text(name)) : null);
  const tokens = (name) => {
    if (entered.has(`${name}-none`)) return { [name]: null };
    return text(name) ? { [name]: text(name).split(/\s+/) } : {};
  };
  return {
    title: text('title') || null,
    seats: number('seats'),
    keepDays: number('keepDays'),
    slate: text('slate') || null,
    labels: labelsIn(entered.get('labels')),
    ...Object.fromEntries(['listed', 'recorded', 'formats', 'stills'].map((name) => [name, JSON.parse(text(name))])),
    until: text('until') ? new Date(text('until')).getTime() / 1000 : null,
    ...tokens('publishTokens'),
    ...tokens('playTokens'),
  };
}

/** @param {string} lines each `key=text` */
function labelsIn(lines) {
  const pairs = lines.split(/\r?\n/).filter((line) => line.trim()).map((line) => {
    const [key, ...rest] = line.split('=');
    return [key.trim(), rest.join('=')];
  });
  return Object.fromEntries(pairs);
}

async function removeSettings(name) {
  const done = await act({
    question: {
      question: say('admin.removeQuestion', { room: name }),
      text: say('admin.removeText'),
      action: say('admin.remove'),
    },
    path: `${PATH}/${name}`,
    method: 'DELETE',
    done: () => say('admin.settingsRemoved', { room: name }),
  });
  if (done) await showSettings();
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (await setRoom(room.value.trim())) form.reset();
});
