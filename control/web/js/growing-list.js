// How much of a long list is on the page: some of it, and more as the page is scrolled to its end.

const NEAR = '600px'; // of the window

export class GrowingList {
  #more;
  #step;
  #shown;
  #sight;

  /**
   * @param {Element} more stands below the list, and says that there is more
   * @param {number} step rows that are added at a time
   * @param {() => void} grown called when `shown` is larger
   */
  constructor(more, step, grown) {
    this.#more = more;
    this.#step = this.#shown = step;
    this.#sight = new IntersectionObserver(([{ isIntersecting }]) => {
      if (!isIntersecting) return;
      this.#shown += step;
      grown();
    }, { rootMargin: NEAR });
  }

  /** At most so many rows are on the page. */
  get shown() { return this.#shown; }

  /** For another list, which is looked at from its beginning. */
  restart() { this.#shown = this.#step; }

  /** @param {number} count of all rows that could be on the page */
  tell(count) {
    this.#more.hidden = count <= this.#shown;
    // told anew, since it may be in sight still
    this.#sight.unobserve(this.#more);
    if (!this.#more.hidden) this.#sight.observe(this.#more);
  }
}
