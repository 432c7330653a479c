// The last values of one figure as a line, and as text for screen readers.
import { say } from './language.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 24;

export class Sparkline {
  #svg;
  #name;
  #inWords;
  #least;
  #points;
  #span;
  #values = [];
  #area = document.createElementNS(SVG, 'path');
  #line = document.createElementNS(SVG, 'path');

  /**
   * @param {SVGElement} svg in a `figure`, whose caption names the figure
   * @param {object} of
   * @param {(value: number) => string} of.inWords
   * @param {number} of.least the least upper end of the scale, so that noise does not fill the chart
   * @param {number} [of.points] so many values at most
   * @param {string} [of.span] the time that they take, in words
   */
  constructor(svg, { inWords, least, points = 60, span = say('charts.minute') }) {
    this.#svg = svg;
    this.#name = svg.closest('figure').querySelector('figcaption').textContent;
    this.#inWords = inWords;
    this.#least = least;
    this.#points = points;
    this.#span = span;
    svg.setAttribute('viewBox', `0 0 ${points - 1} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    this.#area.setAttribute('class', 'area');
    this.#line.setAttribute('class', 'line');
    svg.append(this.#area, this.#line);
    this.clear();
  }

  clear() {
    this.#values = [];
    this.#draw();
  }

  /** @param {(number | null)[]} values of the latest times; null: not known, which is a gap in the line */
  add(...values) {
    this.#values = [...this.#values, ...values].slice(-this.#points);
    this.#draw();
  }

  /** The highest value; undefined: there is none. */
  get most() {
    const known = this.#values.filter((value) => value !== null);
    return known.length ? Math.max(...known) : undefined;
  }

  #draw() {
    const top = Math.max(this.#least, this.most ?? 0) * 1.1;
    const first = this.#points - this.#values.length;
    const point = (value, place) => value !== null && `${first + place},${(HEIGHT * (1 - value / top)).toFixed(2)}`;
    const parts = runs(this.#values.map(point)).map((points) => `M${points.join('L')}`);
    this.#line.setAttribute('d', parts.join(''));
    this.#area.setAttribute('d', parts.map((line) => `${line}V${HEIGHT}H${Number.parseFloat(line.slice(1))}Z`).join(''));
    this.#svg.setAttribute('aria-label', say('charts.chart', { name: this.#name, span: this.#span, range: this.#range() }));
  }

  #range() {
    if (this.most === undefined) return say('charts.nothing');
    const known = this.#values.filter((value) => value !== null);
    const [low, high] = [Math.min, Math.max].map((pick) => this.#inWords(pick(...known)));
    return low === high ? low : say('charts.range', { low, high });
  }
}

/** What is between the gaps. @param {(string | false)[]} points */
function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point) found.at(-1).push(point);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter(({ length }) => length);
}
