// A publisher's statistics as four small charts, a line of text, and a row for each size of the picture.
import { bitrate, lines } from './format.js';
import { Sparkline } from './sparkline.js';

const FIGURES = {
  bitrate: { name: 'Bitrate', inWords: bitrate, least: 5e5 },
  framesPerSecond: { name: 'Frames a second', inWords: (frames) => String(Math.round(frames)), least: 30 },
  rtt: { name: 'Round trip', inWords: (seconds) => `${Math.round(1000 * seconds)} ms`, least: 0.1 },
  loss: { name: 'Packets lost', inWords: (share) => `${(100 * share).toFixed(1)} %`, least: 0.05 },
};
const LIMITS = { bandwidth: 'Your connection does not allow more.', cpu: 'This computer cannot encode faster.' };

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
    this.#element.querySelector('#sent').textContent = [sent, LIMITS[stats.limitedBy]].filter(Boolean).join('. ');
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
  const frames = `${Math.round(layer.framesPerSecond)}/s`;
  const texts = layer.width ? [lines(layer), frames, bitrate(layer.bitrate)] : ['Not sent', '–', '–'];
  for (const text of texts) made.insertCell().textContent = text;
  return made;
}
