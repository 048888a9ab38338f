// The faults that the next API requests will meet.

import { byId, el, say } from './dom.js';
import { armFaults, clearFaults, loadFaults } from './api.js';

export class FaultPanel {
  #input = byId('fault-input');
  #message = byId('fault-message');
  #calls = 0;

  constructor(notation) {
    byId('fault-forms').replaceChildren(...notation.map(({ example, meaning }) => el('li', {},
      el('button', { type: 'button', class: 'chip', onclick: () => this.#add(example) }, example),
      el('span', { class: 'muted' }, meaning))));
    byId('fault-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#do(() => armFaults(this.#input.value.trim()), () => { this.#input.value = ''; });
    });
    byId('fault-clear').addEventListener('click', () => this.#do(clearFaults));
  }

  refresh() { return this.#do(loadFaults); }

  #add(example) {
    this.#input.value = [this.#input.value.trim(), example].filter(Boolean).join(',');
    this.#input.focus();
  }

  async #do(call, done) {
    this.#calls += 1;
    const mine = this.#calls;
    try {
      const { queued } = await call();
      if (mine === this.#calls) this.#show(queued); // replies may overtake each other
      say(this.#message);
      done?.();
    } catch (error) {
      say(this.#message, String(error), 'bad');
    }
  }

  #show(queued) {
    byId('fault-count').textContent = queued.length === 0 ? 'none armed' : `${queued.length} armed`;
    byId('fault-count').dataset.armed = String(queued.length > 0);
    byId('fault-queue').replaceChildren(...queued.map((fault) => el('li', {}, el('code', {}, fault))));
    byId('fault-clear').hidden = queued.length === 0;
  }
}
