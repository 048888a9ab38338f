// The API Access view: the table of keys and what can be done to them.

import { byId, el, say } from './dom.js';
import { copies } from './clipboard.js';

const numbers = new Intl.NumberFormat('en');
const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export class KeysView {
  #keys;
  #keyring;
  #message = byId('keys-message');
  #secret = '';

  /** tiers: the catalog's parameter of a key's rate limit; tryKey(id) leads to the playground. */
  constructor(keys, keyring, tiers, tryKey) {
    this.#keys = keys;
    this.#keyring = keyring;
    for (const id of ['create-tier', 'edit-tier']) {
      byId(id).replaceChildren(...tiers.options.map((rpm) => el('option', { value: rpm }, `${rpm} requests a minute`)));
    }
    this.#setUpCreate(tiers.default);
    this.#setUpSecret(tryKey);
    this.#setUpEdit();
    this.#setUpRevoke();
    byId('keys-refresh').addEventListener('click', () => this.refresh());
    for (const button of document.querySelectorAll('dialog [data-close]')) {
      button.addEventListener('click', () => button.closest('dialog').close());
    }
  }

  async refresh() {
    try {
      const { keys, keyStats } = await this.#keys.list();
      this.#keyring.sync(keys);
      this.#show(keys, keyStats);
      say(this.#message);
    } catch (error) {
      say(this.#message, String(error), 'bad');
    }
  }

  #show(keys, stats) {
    byId('keys-empty').hidden = keys.length > 0;
    byId('keys-table').hidden = keys.length === 0;
    byId('keys-rows').replaceChildren(...keys.map((key) => this.#row(key, stats?.[key.id])));
  }

  #row(key, stats = { today: 0, week: 0, errors: 0 }) {
    const cell = (label, ...content) => el('td', { role: 'cell', 'data-label': label }, ...content);
    const active = key.status === 'active';
    const actions = active ? [
      el('button', { type: 'button', class: 'small', 'aria-label': `Edit ${key.name}`, onclick: () => this.#edit(key) }, 'Edit'),
      el('button', { type: 'button', class: 'small danger-quiet', 'aria-label': `Revoke ${key.name}`, onclick: () => this.#askRevoke(key) }, 'Revoke'),
    ] : [];
    return el('tr', { role: 'row', 'data-key': key.id },
      el('th', { role: 'rowheader', scope: 'row', 'data-label': 'Name' },
        el('span', { class: 'key-name' }, key.name), el('code', { class: 'key-prefix' }, `${key.key_prefix}…`)),
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

  #setUpCreate(tier) {
    const dialog = byId('create-dialog');
    byId('create-open').addEventListener('click', () => {
      byId('create-form').reset();
      byId('create-tier').value = tier;
      say(byId('create-message'));
      dialog.showModal();
    });
    this.#submits('create-form', 'create-message', async () => {
      const { key } = await this.#keys.create(byId('create-name').value, Number(byId('create-tier').value));
      this.#keyring.created(key);
      dialog.close();
      this.#reveal(key);
      await this.refresh();
    });
  }

  #setUpSecret(tryKey) {
    const dialog = byId('secret-dialog');
    copies(byId('secret-copy'), () => this.#secret, () => 'Copy key');
    byId('secret-try').addEventListener('click', () => {
      const { key } = dialog.dataset;
      dialog.close();
      tryKey(key);
    });
    dialog.addEventListener('close', () => {
      this.#secret = '';
      byId('secret-value').textContent = '';
    });
  }

  #reveal(key) {
    this.#secret = key.full_key;
    byId('secret-name').textContent = key.name;
    byId('secret-value').textContent = key.full_key;
    byId('secret-dialog').dataset.key = key.id;
    byId('secret-dialog').showModal();
  }

  #setUpEdit() {
    const dialog = byId('edit-dialog');
    this.#submits('edit-form', 'edit-message', async () => {
      const key = this.#keyring.get(dialog.dataset.key);
      const name = byId('edit-name').value;
      const tier = Number(byId('edit-tier').value);
      const changes = {};
      if (name !== key.name) changes.name = name;
      if (tier !== key.tier) changes.rate_limit_per_min = tier;
      if (Object.keys(changes).length > 0) await this.#keys.update(key.id, changes);
      dialog.close();
      await this.refresh();
    });
  }

  #edit(key) {
    byId('edit-dialog').dataset.key = key.id;
    byId('edit-name').value = key.name;
    byId('edit-tier').value = key.rate_limit_per_min;
    say(byId('edit-message'));
    byId('edit-dialog').showModal();
  }

  #setUpRevoke() {
    const dialog = byId('revoke-dialog');
    this.#submits('revoke-form', 'revoke-message', async () => {
      await this.#keys.revoke(dialog.dataset.key);
      dialog.close();
      await this.refresh();
    });
  }

  #askRevoke(key) {
    byId('revoke-dialog').dataset.key = key.id;
    byId('revoke-name').textContent = key.name;
    byId('revoke-prefix').textContent = `${key.key_prefix}…`;
    say(byId('revoke-message'));
    byId('revoke-dialog').showModal();
  }

  // A form that acts once at a time and shows the server's error as it is.
  #submits(formID, messageID, act) {
    const form = byId(formID);
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const button = form.querySelector('[type=submit]');
      if (button.disabled) return;
      button.disabled = true;
      try {
        say(byId(messageID));
        await act();
      } catch (error) {
        say(byId(messageID), String(error), 'bad');
      } finally {
        button.disabled = false;
      }
    });
  }
}

/** A time, short and relative, the exact one on hovering. */
function when(text) {
  if (!text) return el('span', { class: 'muted' }, 'never');
  const date = new Date(text);
  return el('time', { datetime: text, title: dates.format(date) }, ago((Date.now() - date) / 1000));
}

function ago(seconds) {
  const relative = new Intl.RelativeTimeFormat('en', { style: 'short' });
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return 'just now';
}
