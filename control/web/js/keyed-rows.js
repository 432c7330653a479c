// Rows for a list of things. The row of a thing that stays is updated, not replaced, so that it keeps the focus.

/** @template T */
export class KeyedRows {
  #container;
  #template;
  #begin;
  #fill;
  #rows = new Map();

  /**
   * @param {Element} container
   * @param {HTMLTemplateElement} template of one row
   * @param {object} of
   * @param {(row: Element, thing: T) => void} [of.begin] called once for each new row
   * @param {(row: Element, thing: T) => void} of.fill called for every row, each time
   */
  constructor(container, template, { begin = () => {}, fill }) {
    this.#container = container;
    this.#template = template;
    this.#begin = begin;
    this.#fill = fill;
  }

  /** @param {T[]} things in their order @param {(thing: T) => string} key */
  show(things, key) {
    const wanted = new Map(things.map((thing) => [key(thing), thing]));
    for (const [name, row] of this.#rows) {
      if (wanted.has(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    let place = 0;
    for (const [name, thing] of wanted) {
      const row = this.#rows.get(name) ?? this.#new(name, thing);
      this.#fill(row, thing);
      const here = this.#container.children[place] ?? null;
      if (here !== row) this.#container.insertBefore(row, here);
      place += 1;
    }
  }

  #new(name, thing) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    this.#rows.set(name, row);
    this.#begin(row, thing);
    return row;
  }
}

/** Writes texts into a row's elements by their `data-cell`. @param {Element} row @param {Record<string, string>} texts */
export function write(row, texts) {
  for (const [cell, text] of Object.entries(texts)) row.querySelector(`[data-cell="${cell}"]`).textContent = text;
}
