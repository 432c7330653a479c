// What operators have forbidden: blocked rooms and revoked tokens, and how to lift them.
import { act } from './admin-act.js';
import { date } from './format.js';
import { KeyedRows, write } from './keyed-rows.js';
import { say } from './language.js';

/** @param {string} id */
const element = (id) => document.getElementById(id);
const [form, kind, value, before] = ['revoke', 'revoke-kind', 'revoke-value', 'revoke-before'].map(element);

/** @param {number} unixTime */
const time = (unixTime) => date(new Date(1000 * unixTime).toISOString());

const blocks = new KeyedRows(element('blocks'), element('block-row'), {
  begin(row, { room }) {
    lifts(row, room, `api/admin/blocks/${room}`, say('admin.openAgain', { room }));
  },
  fill(row, { room, reason, by, until }) {
    write(row, { room, reason: reason || '–', by, until: time(until) });
  },
});

const revocations = new KeyedRows(element('revocations'), element('revocation-row'), {
  begin(row, one) {
    lifts(row, inWords(one), `api/admin/revocations/${one.id}`, say('admin.lifted'));
  },
  fill(row, one) {
    write(row, { which: inWords(one), since: time(one.at), by: one.by, until: time(one.until) });
  },
});

/** Which tokens. */
function inWords({ jti, subject, issued_before: issued }) {
  if (jti !== undefined) return say('admin.tokenOf', { jti });
  return subject === undefined ? say('admin.issuedBefore', { time: time(issued) }) : say('admin.tokensOf', { subject });
}

function lifts(row, name, path, words) {
  const button = row.querySelector('button');
  button.setAttribute('aria-label', say('admin.lift', { name }));
  button.addEventListener('click', () => act({ path, method: 'DELETE', done: () => words }));
}

/** @param {object} data of the event */
export function showRulings(data) {
  const parts = [
    ['blocks', blocks, data.blocks, data.blockCount, ({ room }) => room, say('admin.noBlock')],
    ['revocations', revocations, data.revocations, data.revocationCount, ({ id }) => id, say('admin.noRevocation')],
  ];
  for (const [name, rows, listed, total, key, none] of parts) {
    rows.show(listed, key);
    element(name).closest('.scroll').hidden = listed.length === 0;
    const left = total - listed.length;
    element(`more-${name}`).textContent = total === 0 ? none : say('admin.more', { left });
    element(`more-${name}`).hidden = total > 0 && left === 0;
  }
}

function showFields() {
  const byTime = kind.value === 'issued_before';
  value.closest('.field').hidden = byTime;
  before.closest('.field').hidden = !byTime;
  value.required = !byTime;
  before.required = byTime;
}

kind.addEventListener('change', showFields);
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = value.value.trim();
  const body = kind.value === 'issued_before' ? new Date(before.value).getTime() / 1000 : text;
  const revoked = await act({
    question: {
      question: say('admin.revokeQuestion'),
      text: say('admin.revokeText'),
      action: say('admin.revoke'),
    },
    path: 'api/admin/revocations',
    method: 'POST',
    body: () => ({ [kind.value]: body }),
    done: ({ sessions }) => say('admin.revoked', { count: sessions }),
  });
  if (revoked) {
    value.value = before.value = '';
  }
});
showFields();
