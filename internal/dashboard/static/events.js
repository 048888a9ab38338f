// The events of a stream as a list to walk through, one of them shown in full.

import { byId, el } from './dom.js';
import { paint } from './paint.js';
import { Reader } from './reader.js';
import { Rows } from './rows.js';
import { tokens } from './tokens.js';

const longest = 300; // characters of an event in the list
const offset = (seconds) => `+${seconds.toFixed(3)} s`;

export class EventList {
  #prefix;
  #box;
  #rows;
  #detail;
  #events = [];
  #chosen = -1;

  /** prefix: of the ids of the list, its count and what shows an event in full. */
  constructor(prefix = '') {
    this.#prefix = prefix;
    this.#box = byId(`${prefix}response-events`);
    this.#rows = new Rows(this.#box, (i) => this.#row(i));
    this.#detail = new Reader(byId(`${prefix}event-detail`));
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    this.#box.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) this.#choose(Number(option.getAttribute('aria-posinset')) - 1);
    });
  }

  /** Shows a stream's events; again with the same array once more have come. */
  show(events) {
    if (events !== this.#events) {
      this.#events = events;
      this.#choose(-1);
      this.#box.scrollTop = 0;
    }
    byId(`${this.#prefix}event-count`).textContent = events.length.toLocaleString('en');
    this.#rows.show(events.length, { follow: true });
  }

  #row(i) {
    const { seconds, kind, data } = this.#events[i];
    const text = data.slice(0, longest);
    return el('div', {
      class: 'row event', id: `${this.#prefix}event-${i + 1}`, role: 'option', 'data-kind': kind,
      'aria-selected': String(i === this.#chosen), 'aria-posinset': i + 1, 'aria-setsize': this.#events.length,
    }, el('span', { class: 'offset' }, offset(seconds)),
    el('code', {}, ...paint(text, 0, text.length, tokens(text, 'json'), [])));
  }

  #key(event) {
    const step = {
      ArrowDown: 1, ArrowUp: -1, PageDown: this.#rows.page, PageUp: -this.#rows.page, Home: -Infinity, End: Infinity,
    }[event.key];
    if (!step || this.#events.length === 0) return;
    event.preventDefault();
    this.#choose(Math.max(0, Math.min(this.#events.length - 1, this.#chosen + step)));
  }

  #choose(i) {
    this.#chosen = i;
    const chosen = this.#events[i];
    byId(`${this.#prefix}event-detail`).hidden = !chosen;
    if (!chosen) {
      this.#box.removeAttribute('aria-activedescendant');
      return;
    }
    this.#rows.show(this.#events.length);
    this.#rows.reveal(i);
    this.#box.setAttribute('aria-activedescendant', `${this.#prefix}event-${i + 1}`);
    this.#detail.set(chosen.data, 'json');
  }
}
