// Rows for a list of things. The row of a thing that stays is updated, not replaced, so that it keeps the focus.

/** @template T */
export class KeyedRows {
  #container;
  #template;
  #begin;
  #fill;
  #end;
  #rows = new Map();

  /**
   * @param {Element} container
   * @param {HTMLTemplateElement} template of one row
   * @param {object} of
   * @param {(row: Element, thing: T) => void} [of.begin] called once for each new row
   * @param {(row: Element, thing: T) => void} of.fill called for every row, each time
   * @param {(row: Element) => void} [of.end] called when a row is removed
   */
  constructor(container, template, { begin = () => {}, fill, end = () => {} }) {
    this.#container = container;
    this.#template = template;
    this.#begin = begin;
    this.#fill = fill;
    this.#end = end;
  }

  /** @param {T[]} things in their order @param {(thing: T) => string} key */
  show(things, key) {
    const wanted = new Map(things.map((thing) => [key(thing), thing]));
    for (const [name, row] of this.#rows) {
      if (wanted.has(name)) continue;
      this.#end(row);
      row.remove();
      this.#rows.delete(name);
    }
    const focused = document.activeElement;
    let next = this.#container.firstElementChild;
    for (const [name, thing] of wanted) {
      const row = this.#rows.get(name) ?? this.#new(name, thing);
      this.#fill(row, thing);
      if (next === row) next = row.nextElementSibling;
      else this.#container.insertBefore(row, next);
    }
    // a row that is moved loses it
    if (focused !== document.activeElement && this.#container.contains(focused)) focused.focus({ preventScroll: true });
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
  for (const [cell, text] of Object.entries(texts)) {
    const place = row.querySelector(`[data-cell="${cell}"]`);
    if (place.textContent === text) continue; // a new text is laid out anew
    place.textContent = text;
    if (place.classList.contains('name')) place.title = text; // it may be cut
  }
}
