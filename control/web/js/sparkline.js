// The last minute of one figure as a line, and as text for screen readers.

const SVG = 'http://www.w3.org/2000/svg';
const POINTS = 60;
const HEIGHT = 24;

export class Sparkline {
  #svg;
  #name;
  #inWords;
  #least;
  #values = [];
  #area = document.createElementNS(SVG, 'path');
  #line = document.createElementNS(SVG, 'path');

  /**
   * @param {SVGElement} svg
   * @param {object} of
   * @param {string} of.name of the figure
   * @param {(value: number) => string} of.inWords
   * @param {number} of.least the least upper end of the scale, so that noise does not fill the chart
   */
  constructor(svg, { name, inWords, least }) {
    this.#svg = svg;
    this.#name = name;
    this.#inWords = inWords;
    this.#least = least;
    svg.setAttribute('viewBox', `0 0 ${POINTS - 1} ${HEIGHT}`);
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

  /** @param {number} value of this second */
  add(value) {
    this.#values = [...this.#values, value].slice(-POINTS);
    this.#draw();
  }

  #draw() {
    const values = this.#values;
    const top = Math.max(this.#least, ...values) * 1.1;
    const x = (place) => POINTS - values.length + place;
    const points = values.map((value, place) => `${x(place)},${(HEIGHT * (1 - value / top)).toFixed(2)}`);
    const line = points.length ? `M${points.join('L')}` : '';
    this.#line.setAttribute('d', line);
    this.#area.setAttribute('d', line && `${line}L${POINTS - 1},${HEIGHT}L${x(0)},${HEIGHT}Z`);
    this.#svg.setAttribute('aria-label', `${this.#name}, the last minute: ${this.#range()}`);
  }

  #range() {
    if (this.#values.length === 0) return 'nothing yet';
    const [low, high] = [Math.min, Math.max].map((pick) => this.#inWords(pick(...this.#values)));
    return low === high ? low : `${low} to ${high}`;
  }
}
