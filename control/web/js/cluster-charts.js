// The last 15 minutes of the cluster as small charts, from the samples that the control process keeps.
import { bitrate, figure as whole } from './format.js';
import { LOCALE, say } from './language.js';
import { Sparkline } from './sparkline.js';

const SAMPLES = 180;
const exact = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });

const FIGURES = {
  viewers: { inWords: whole, least: 5 },
  publishers: { inWords: whole, least: 5 },
  egress: { inWords: (bits) => (bits ? bitrate(bits) : '0'), least: 1e6 },
  offers: { inWords: exact.format, least: 1 },
  errors: { inWords: whole, least: 5 },
};

export class ClusterCharts {
  #element;
  #lines = new Map();
  #latest = 0; // the time of the latest sample

  /** @param {Element} element with an SVG and texts for each figure */
  constructor(element) {
    this.#element = element;
    for (const [figure, of] of Object.entries(FIGURES)) {
      const svg = element.querySelector(`[data-chart="${figure}"]`);
      this.#lines.set(figure, new Sparkline(svg, { ...of, points: SAMPLES, span: say('admin.quarter') }));
    }
  }

  /** Those of the last 15 minutes, or new ones. @param {{ samples: Record<string, number | null>[] }} totals */
  add({ samples }) {
    const fresh = samples.filter(({ at }) => at > this.#latest);
    if (!fresh.length) return;
    this.#latest = fresh.at(-1).at;
    for (const [figure, { inWords }] of Object.entries(FIGURES)) {
      const line = this.#lines.get(figure);
      line.add(...fresh.map((sample) => sample[figure]));
      const now = fresh.at(-1)[figure];
      this.#write('figure', figure, now === null ? '–' : inWords(now));
      this.#write('most', figure, line.most === undefined ? '' : say('admin.most', { figure: inWords(line.most) }));
    }
  }

  #write(kind, figure, text) {
    this.#element.querySelector(`[data-${kind}="${figure}"]`).textContent = text;
  }
}
