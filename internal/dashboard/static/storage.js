// What the browser keeps of the playground: the history for this tab, saved
// requests for this server's address. Secrets are masked before.

import { masked } from './secrets.js';

const most = 1_000_000; // characters of a list

/** A list in the browser's storage, the first entries of it as far as they fit. */
class StoredList {
  #storage;
  #name;

  /** storage() is where it is kept: a browser may not have it. */
  constructor(storage, name) {
    this.#storage = storage;
    this.#name = `clawhq-playground-${name}`;
  }

  load() {
    try {
      const list = JSON.parse(this.#storage().getItem(this.#name) ?? '[]');
      return Array.isArray(list) ? list : [];
    } catch {
      return []; // not ours
    }
  }

  /** Says whether the whole list is kept. */
  save(list) {
    const texts = [];
    let size = 0;
    for (const entry of list) {
      const text = masked(JSON.stringify(entry));
      size += text.length;
      if (size > most) break;
      texts.push(text);
    }
    try {
      this.#storage().setItem(this.#name, `[${texts.join(',')}]`);
      return texts.length === list.length;
    } catch {
      return false; // the browser has no room, or keeps nothing
    }
  }
}

export const storedHistory = new StoredList(() => sessionStorage, 'history');
export const storedRequests = new StoredList(() => localStorage, 'saved');
