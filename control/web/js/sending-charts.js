// A publisher's statistics as four small charts, a line of text, and a row for each size of the picture.
import { bitrate, figure as number, lines, milliseconds, share } from './format.js';
import { say } from './language.js';
import { Sparkline } from './sparkline.js';

const FIGURES = {
  bitrate: { inWords: bitrate, least: 5e5 },
  framesPerSecond: { inWords: number, least: 30 },
  rtt: { inWords: milliseconds, least: 0.1 },
  loss: { inWords: share, least: 0.05 },
};
const LEAST_PADDING = 5e4; // bits a second of which nobody needs to know
const LIMITS = { bandwidth: 'publish.limitedByLine', cpu: 'publish.limitedByComputer' };

export class SendingCharts {
  #element;
  #lines = new Map();

  /** @param {Element} element with a `strong` and an SVG for each figure, and a table for the sizes */
  constructor(element) {
    this.#element = element;
    for (const [figure, of] of Object.entries(FIGURES)) {
      this.#lines.set(figure, new Sparkline(element.querySelector(`[data-chart="${figure}"]`), of));
    }
  }

  /** @param {import('./sending-stats.js').Stats} stats of one second */
  add(stats) {
    for (const [figure, { inWords }] of Object.entries(FIGURES)) {
      if (stats[figure] === undefined) continue;
      this.#lines.get(figure).add(stats[figure]);
      this.#element.querySelector(`[data-figure="${figure}"]`).textContent = inWords(stats[figure]);
    }
    const size = stats.width ? `${stats.width} × ${stats.height}` : '';
    const sent = [stats.codec?.split('/')[1], size].filter(Boolean).join(', ');
    const padding = stats.padding >= LEAST_PADDING && say('publish.padding', { rate: bitrate(stats.padding) });
    this.#element.querySelector('#sent').textContent = [sent, padding, stats.limitedBy && say(LIMITS[stats.limitedBy])].filter(Boolean).join('. ');
    this.#element.querySelector('table').hidden = stats.layers.length < 2;
    this.#element.querySelector('tbody').replaceChildren(...stats.layers.map(row));
  }

  clear() {
    this.#lines.forEach((line) => line.clear());
    for (const figure of this.#element.querySelectorAll('strong')) figure.textContent = '–';
  }
}

/** @param {import('./sending-stats.js').LayerStats} layer */
function row(layer) {
  const made = document.createElement('tr');
  const frames = `${number(layer.framesPerSecond)}/s`;
  const texts = layer.width ? [lines(layer), frames, bitrate(layer.bitrate)] : [say('publish.notSent'), '–', '–'];
  for (const text of texts) made.insertCell().textContent = text;
  return made;
}
