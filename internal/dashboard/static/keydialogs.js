// What can be done to the keys: create, show the secret once, edit, revoke.

import { byId, el, say } from './dom.js';
import { ApiError } from './api.js';
import { copies } from './clipboard.js';
import { submits } from './dialogs.js';
import { plain, visible } from './safe.js';

export class KeyDialogs {
  #api;
  #keyring;
  #changed;
  #tiers;
  #secret = '';

  /** changed(id) is called when a key has changed; tryKey(id) leads to the playground. */
  constructor(api, keyring, tiers, { changed, tryKey }) {
    this.#api = api;
    this.#keyring = keyring;
    this.#changed = changed;
    this.#tiers = new Map(tiers.options.map((rpm, i) => [rpm, tiers.meanings[i]]));
    for (const id of ['create-tier', 'edit-tier']) byId(id).addEventListener('change', () => this.#explain(id));
    this.#offer('create-tier', [...this.#tiers.keys()]);
    this.#setUpCreate(tiers.default);
    this.#setUpSecret(tryKey);
    this.#setUpEdit();
    this.#setUpRevoke();
  }

  edit(key) {
    byId('edit-dialog').dataset.key = key.id;
    byId('edit-name').value = key.name;
    // A limit that is no tier was set elsewhere, and can stay.
    this.#offer('edit-tier', [...new Set([...this.#tiers.keys(), key.rate_limit_per_min])].sort((a, b) => a - b));
    byId('edit-tier').value = key.rate_limit_per_min;
    this.#explain('edit-tier');
    say(byId('edit-message'));
    byId('edit-dialog').showModal();
  }

  #offer(id, limits) {
    byId(id).replaceChildren(...limits.map((rpm) => el('option', { value: rpm }, `${rpm} RPM: ${this.#meaning(rpm)}`)));
  }

  #meaning(rpm) { return this.#tiers.get(rpm) ?? 'not one of the tiers'; }

  // Says in full what the list may have no room for.
  #explain(id) { byId(`${id}-meaning`).textContent = `${this.#meaning(Number(byId(id).value))}.`; }

  revoke(key) {
    byId('revoke-dialog').dataset.key = key.id;
    byId('revoke-name').replaceChildren(el('bdi', {}, ...visible(key.name)));
    byId('revoke-prefix').textContent = `${key.key_prefix}…`;
    say(byId('revoke-message'));
    byId('revoke-dialog').showModal();
  }

  #setUpCreate(tier) {
    const dialog = byId('create-dialog');
    byId('create-open').addEventListener('click', () => {
      byId('create-form').reset();
      byId('create-tier').value = tier;
      this.#explain('create-tier');
      say(byId('create-message'));
      dialog.showModal();
    });
    submits('create', async () => {
      const { key } = await this.#api.call('keys.create', { name: named('create-name'), rate_limit_per_min: Number(byId('create-tier').value) });
      this.#keyring.created(key);
      dialog.close();
      await this.#changed(key.id);
      this.#reveal(key);
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
      byId('create-open').focus();
    });
  }

  #reveal(key) {
    this.#secret = key.full_key;
    byId('secret-name').replaceChildren(el('bdi', {}, ...visible(key.name)));
    byId('secret-value').textContent = key.full_key;
    byId('secret-dialog').dataset.key = key.id;
    byId('secret-dialog').showModal();
  }

  #setUpEdit() {
    const dialog = byId('edit-dialog');
    submits('edit', async () => {
      const key = this.#keyring.get(dialog.dataset.key);
      const name = named('edit-name');
      const tier = Number(byId('edit-tier').value);
      const changes = {};
      if (name !== key.name) changes.name = name;
      if (tier !== key.tier) changes.rate_limit_per_min = tier;
      if (Object.keys(changes).length > 0) await this.#api.call('keys.update', { id: key.id, ...changes });
      dialog.close();
      await this.#changed(key.id);
      byId('announcer').textContent = `Key ${plain(name)} saved.`;
    });
  }

  #setUpRevoke() {
    const dialog = byId('revoke-dialog');
    submits('revoke', async () => {
      await this.#api.call('keys.revoke', { id: dialog.dataset.key });
      dialog.close();
      await this.#changed(dialog.dataset.key);
      byId('announcer').textContent = `Key ${byId('revoke-name').textContent} revoked.`;
    });
  }
}

/** The name in a field, which must not be blank. */
function named(field) {
  const name = byId(field).value;
  if (name.trim() !== '') return name;
  byId(field).focus();
  throw new ApiError(0, 'A key needs a name.');
}
