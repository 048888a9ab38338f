// Requests that were saved by a name, for this server's address.

import { download } from './download.js';
import { byId, el, say } from './dom.js';
import { visible } from './safe.js';
import { masked } from './secrets.js';
import { storedRequests } from './storage.js';

const most = 100; // requests
const longest = 100; // characters of a name

export class SavedRequests {
  #list = storedRequests.load().filter((saved) => saved?.name && saved.request?.path); // newest first: {name, request}
  #open;

  /** current() is the request to save, with a name, or null where it cannot be; open(request) opens one. */
  constructor(current, open) {
    this.#open = open;
    byId('save-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const found = current();
      if (!found) {
        say(byId('save-message'), 'A request with a file cannot be saved.', 'bad');
        return;
      }
      const name = byId('save-name').value.trim().slice(0, longest) || found.name;
      const request = JSON.parse(masked(JSON.stringify(found.request)));
      this.#keep([{ name, request }, ...this.#list.filter((saved) => saved.name !== name)].slice(0, most));
      byId('save-name').value = '';
      byId('announcer').textContent = 'Saved.';
    });
    byId('saved-export').addEventListener('click', () => download('clawhq-requests.http', 'text/plain', this.#list.map(asText).join('\n')));
    this.#paint();
  }

  #keep(list) {
    this.#list = list;
    const all = storedRequests.save(list);
    say(byId('save-message'), all ? '' : 'The browser has no room for all of these: the oldest will be gone after a reload.', 'warn');
    this.#paint();
  }

  #paint() {
    byId('saved-count').textContent = this.#list.length === 0 ? 'none' : this.#list.length.toLocaleString('en');
    byId('saved-export').hidden = this.#list.length === 0;
    byId('saved').replaceChildren(...this.#list.map((saved) => el('li', {},
      el('button', { type: 'button', class: 'pick', onclick: () => this.#open(saved.request) },
        el('span', { class: 'pick-line' },
          el('span', { class: 'method', 'data-method': saved.request.method }, saved.request.method),
          el('bdi', { class: 'pick-name' }, ...visible(saved.name)))),
      el('button', {
        type: 'button', class: 'small quiet', 'aria-label': `Remove ${saved.name}`, onclick: () => {
          this.#keep(this.#list.filter((other) => other !== saved));
          byId('save-name').focus();
        },
      }, 'Remove'))));
  }
}

// As the files .http have it, which editors send requests from.
function asText({ name, request: { method, path, query, headers, body } }) {
  const lines = [`### ${name.replaceAll('\n', ' ')}`, `${method} ${location.origin}${path}${query ? `?${query}` : ''}`];
  if (path.includes('/v1/')) lines.push('Authorization: Bearer {{CLAWHQ_API_KEY}}');
  lines.push(...headers.map(([header, value]) => `${header}: ${value}`));
  return `${lines.join('\n')}\n${body ? `\n${body}\n` : ''}`;
}
