// A box of bounded height over any number of rows of one height, of which
// only those in sight, and a few around, are in the document.

import { el } from './dom.js';

const all = 120; // up to so many rows, all are there: to be found and selected by the browser's own means
const around = 10;

export class Rows {
  #box;
  #row;
  #count = 0;
  #height = 0;
  #shown = [-1, -1];
  #space = el('div', { class: 'rows-space', role: 'presentation' });
  #window = el('div', { class: 'rows-window', role: 'presentation' });

  /** row(i) makes the node of a row. */
  constructor(box, row) {
    this.#box = box;
    this.#row = row;
    this.#space.append(this.#window);
    box.append(this.#space);
    box.addEventListener('scroll', () => this.#paint(false), { passive: true });
    new ResizeObserver(() => this.#resize()).observe(box);
  }

  /**
   * Shows so many rows, all of them made anew. follow: stays at the end if it was there;
   * above: so many of them are new and come before what is in sight, which stays there.
   */
  show(count, { follow = false, above = 0 } = {}) {
    const box = this.#box;
    const atEnd = follow && box.scrollHeight - box.scrollTop - box.clientHeight < 2 * this.#rowHeight();
    this.#count = count;
    this.#space.style.height = `${count * this.#rowHeight()}px`;
    if (atEnd) box.scrollTop = box.scrollHeight;
    else if (above > 0) box.scrollTop += above * this.#rowHeight();
    this.#paint(true);
  }

  /** Brings a row into sight. */
  reveal(i) {
    const top = i * this.#rowHeight();
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (top + 2 * this.#rowHeight() > scrollTop + clientHeight) {
      this.#box.scrollTop = top - Math.max(0, clientHeight - 3 * this.#rowHeight());
    }
    this.#paint(false);
  }

  /** The number of the first row in sight. */
  get first() { return Math.floor(this.#box.scrollTop / this.#rowHeight()); }

  /** How many rows fit into the box. */
  get page() { return Math.max(1, Math.floor(this.#box.clientHeight / this.#rowHeight()) - 1); }

  #rowHeight() {
    this.#height ||= parseFloat(getComputedStyle(this.#box).getPropertyValue('--row')) || 20;
    return this.#height;
  }

  // Another width of the box may give its rows another height.
  #resize() {
    const before = this.#height;
    this.#height = 0;
    const changed = this.#rowHeight() !== before;
    if (changed) this.#space.style.height = `${this.#count * this.#height}px`;
    this.#paint(changed);
  }

  #paint(anew) {
    const height = this.#rowHeight();
    let first = 0;
    let last = this.#count;
    if (this.#count > all) {
      first = Math.max(0, Math.floor(this.#box.scrollTop / height) - around);
      last = Math.min(this.#count, Math.ceil((this.#box.scrollTop + this.#box.clientHeight) / height) + around);
    }
    if (!anew && first === this.#shown[0] && last === this.#shown[1]) return;
    this.#shown = [first, last];
    const rows = [];
    for (let i = first; i < last; i += 1) rows.push(this.#row(i));
    this.#window.style.top = `${first * height}px`;
    this.#window.replaceChildren(...rows);
  }
}
