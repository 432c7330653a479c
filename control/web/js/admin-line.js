// A picture of one viewer's line, from its log: what it carried, what was sent, its queue, and what was lost.
import { bitrate, milliseconds, wholeShare } from './format.js';
import { say } from './language.js';

const HEIGHT = 24;
const LEAST_SPAN = 10; // seconds
const GAP = 2; // seconds without an entry: nothing was kept
const APART = 0.5; // seconds over which what was sent is counted
const LEAST_QUEUE = 0.1; // seconds: the upper end of the scale, at least
const LEAST_LOST = 0.1;
const NARROW = 2; // what carries more than so many times what is sent is beyond the scale

/** @param {string} id of the session @param {{ now: number, parts: object[] }} log docs/bad-picture.md says what is in it */
export function showLine(id, log) {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-labelledby', 'line-title');
  dialog.append(document.getElementById('line-view').content.cloneNode(true));
  dialog.querySelector('h2').textContent = say('admin.lineOf', { id });
  const seen = read(log);
  dialog.querySelector('[data-line="clear"]').hidden = seen.sent.length > 0;
  dialog.querySelector('[data-line="known"]').hidden = seen.sent.length === 0;
  if (seen.sent.length) draw(dialog, seen);
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  dialog.scrollTop = 0; // the focus is on the button at its end
}

/**
 * Of each figure the times, in seconds from now (so below 0), and its values; null: no limit is known.
 * @param {{ now: number, parts: { entries: [string, ...(number | string)[]][] }[] }} log
 */
function read({ now, parts }) {
  const seen = { carries: [], needs: [], queue: [], sent: [], lost: [] };
  let [carries, queue, wanted] = [null, 0, null];
  let before = { at: -Infinity, octets: 0 };
  for (const [kind, ...numbers] of parts.flatMap(({ entries }) => entries)) {
    const at = numbers[0] - now;
    if (kind === 'rungs') wanted = numbers.map(finite).find((bits) => bits !== null) ?? null; // the best that the viewer wants
    else if (kind === 'known') [carries, queue] = numbers.map(finite);
    else if (kind === 'lost') seen.lost.push([at, numbers[1]]);
    else if (kind === 'report' && numbers[1] > 0) seen.lost.push([at, numbers[1] / numbers[2]]);
    else if (kind === 'sent') {
      seen.carries.push([at, carries]);
      seen.needs.push([at, wanted]);
      seen.queue.push([at, queue]);
      const seconds = at - before.at;
      if (seconds >= APART && seconds < GAP) seen.sent.push([at, (8 * (numbers[1] - before.octets)) / seconds]);
      if (seconds >= APART) before = { at, octets: numbers[1] };
    }
  }
  return seen;
}

/** @param {number | string} value JSON knows no infinite number */
const finite = (value) => (Number.isFinite(value) ? value : null);

function draw(dialog, { carries, needs, queue, sent, lost }) {
  const first = Math.min(-LEAST_SPAN, carries[0][0]);
  const span = say('admin.lineSpan', { seconds: Math.round(-first) });
  dialog.querySelector('[data-line="from"]').textContent = span;
  const most = Math.max(highest(sent), highest(needs));
  const rates = chart(dialog, 'rates', { values: sent, top: Math.max(most, Math.min(highest(carries), NARROW * most)), first, span, inWords: bitrate });
  rates(sent, 'area');
  rates(sent, 'line');
  rates(needs, 'line', 'needs');
  rates(carries, 'line', 'carries');
  chart(dialog, 'queue', { values: queue, top: Math.max(LEAST_QUEUE, highest(queue)), first, span, inWords: milliseconds })(queue, 'line');
  const losses = chart(dialog, 'lost', { values: lost, top: Math.max(LEAST_LOST, highest(lost)), first, span, inWords: wholeShare });
  losses(lost.flatMap(([at, value]) => [[at - GAP, null], [at, 0], [at, value]]), 'line', 'lost');
}

const highest = (values) => Math.max(0, ...values.map(([, value]) => value ?? 0));

/** A chart with its scale, and in words. Returns what draws a line into it. */
function chart(dialog, name, { values, top, first, span, inWords }) {
  const figure = dialog.querySelector(`[data-chart="${name}"]`);
  const svg = figure.querySelector('svg');
  const caption = figure.querySelector('figcaption').textContent;
  const range = say('admin.most', { figure: inWords(highest(values)) });
  figure.querySelector('strong').textContent = say('admin.most', { figure: inWords(top) });
  svg.setAttribute('viewBox', `${first} 0 ${-first} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-label', say('charts.chart', { name: caption, span, range }));
  return (points, ...kinds) => {
    const drawn = path(points, top);
    const line = document.createElementNS(svg.namespaceURI, 'path');
    line.classList.add(...kinds);
    line.setAttribute('d', kinds.includes('area') ? drawn.replace(/M([^ ]+)[^M]*/g, `$&V${HEIGHT}H$1Z`) : drawn);
    svg.append(line);
  };
}

/** Through points in order of time, with a gap where nothing is known. */
function path(points, top) {
  let [drawn, before] = ['', -Infinity];
  for (const [at, value] of points) {
    if (value === null) {
      before = -Infinity;
      continue;
    }
    const place = HEIGHT * (1 - Math.min(1, value / (1.1 * top)));
    drawn += `${at - before > GAP ? 'M' : 'L'}${at.toFixed(2)} ${place.toFixed(2)}`;
    before = at;
  }
  return drawn;
}
