// The API Access view: the table of keys.

import { byId, el, say } from './dom.js';
import { KeyDialogs } from './keydialogs.js';
import { plain, visible } from './safe.js';
import { when } from './when.js';

const numbers = new Intl.NumberFormat('en');
const many = 10; // keys, from which on one looks for one
const step = 100; // rows that are shown at once

export class KeysView {
  #api;
  #keyring;
  #dialogs;
  #message = byId('keys-message');
  #list = { active: [], revoked: [], stats: {} };
  #most = step; // rows

  /** tiers: the catalog's parameter of a key's rate limit; tryKey(id) leads to the playground. */
  constructor(api, keyring, tiers, tryKey) {
    this.#api = api;
    this.#keyring = keyring;
    this.#dialogs = new KeyDialogs(api, keyring, tiers, { changed: (id) => this.#changed(id), tryKey });
    byId('keys-refresh').addEventListener('click', () => this.refresh());
    byId('keys-find').addEventListener('input', () => this.#paint());
    byId('keys-show-more').addEventListener('click', () => {
      const first = byId('keys-rows').childElementCount;
      this.#most += step;
      this.#paint();
      byId('keys-rows').children[first]?.querySelector('button').focus();
    });
    byId('revoked-toggle').addEventListener('click', () => this.#unfold(byId('revoked-rows').hidden));
  }

  async refresh() {
    byId('keys-card').setAttribute('aria-busy', 'true');
    try {
      const { keys, keyStats } = await this.#api.call('keys.list');
      this.#keyring.sync(keys);
      this.#show(keys, keyStats);
      say(this.#message);
    } catch (error) {
      say(this.#message, String(error), 'bad');
    }
    byId('keys-card').setAttribute('aria-busy', 'false');
  }

  // Shows what became of a key, and returns the focus to it, or to the title
  // where its buttons are gone.
  async #changed(id) {
    await this.refresh();
    const row = document.querySelector(`[data-key="${CSS.escape(id)}"]`);
    const there = row?.checkVisibility() ? row.querySelector('button') : null;
    (there ?? byId('keys-title')).focus();
  }

  #show(keys, stats) {
    const active = keys.filter((key) => key.status === 'active');
    const revoked = keys.filter((key) => key.status !== 'active');
    byId('keys-loading').hidden = true;
    byId('keys-table').hidden = keys.length === 0;
    byId('keys-find').hidden = active.length < many;
    this.#list = { active, revoked, stats };
    this.#paint();
    byId('revoked').hidden = revoked.length === 0;
    this.#unfold(byId('revoked-toggle').getAttribute('aria-expanded') === 'true');
  }

  // The keys that are looked for, and of these the first.
  #paint() {
    const { active } = this.#list;
    const wanted = byId('keys-find').value.trim().toLowerCase();
    const found = active.filter(({ name, key_prefix: prefix }) => name.toLowerCase().includes(wanted) || prefix.toLowerCase().includes(wanted));
    byId('keys-rows').replaceChildren(...this.#rows(found.slice(0, this.#most)));
    byId('keys-more').hidden = found.length <= this.#most;
    byId('keys-shown').textContent = `${numbers.format(this.#most)} of ${numbers.format(found.length)} keys`;
    byId('keys-empty').hidden = found.length > 0;
    byId('keys-empty').textContent = wanted ? 'No key matches.' : 'No active keys. Create one to call the API.';
  }

  #unfold(open) {
    const n = this.#list.revoked.length;
    byId('revoked-rows').replaceChildren(...(open ? this.#rows(this.#list.revoked) : []));
    byId('revoked-rows').hidden = !open;
    byId('revoked-toggle').setAttribute('aria-expanded', String(open));
    byId('revoked-toggle').textContent = `${open ? 'Hide' : 'Show'} ${numbers.format(n)} revoked ${n === 1 ? 'key' : 'keys'}`;
  }

  #rows(keys) { return keys.map((key) => this.#row(key, this.#list.stats?.[key.id])); }

  #row(key, stats = { today: 0, week: 0, errors: 0 }) {
    const cell = (label, ...content) => el('td', { role: 'cell', 'data-label': label }, ...content);
    const active = key.status === 'active';
    const actions = active ? [
      el('button', { type: 'button', class: 'small', 'aria-label': `Edit ${plain(key.name)}`, onclick: () => this.#dialogs.edit(key) }, 'Edit'),
      el('button', { type: 'button', class: 'small danger-quiet', 'aria-label': `Revoke ${plain(key.name)}`, onclick: () => this.#dialogs.revoke(key) }, 'Revoke'),
    ] : [];
    return el('tr', { role: 'row', 'data-key': key.id },
      el('th', { role: 'rowheader', scope: 'row', 'data-label': 'Name' },
        el('bdi', { class: 'key-name' }, ...visible(key.name)), el('code', { class: 'key-prefix' }, `${key.key_prefix}…`)),
      cell('Tier', el('span', { class: 'tier' }, String(key.rate_limit_per_min)), el('span', { class: 'muted' }, ' RPM')),
      cell('Status', el('span', { class: 'badge', 'data-status': key.status }, key.status)),
      cell('Usage', numbers.format(key.usage_count)),
      cell('Today', numbers.format(stats.today)),
      cell('7 days', numbers.format(stats.week)),
      cell('Errors', el('span', stats.errors > 0 ? { class: 'bad' } : {}, numbers.format(stats.errors))),
      cell('Last used', when(key.last_used_at)),
      cell('Created', when(key.created_at)),
      el('td', { role: 'cell', class: 'actions' }, ...actions));
  }
}
