// What can be done to a webhook: create, show the secret once, edit, delete.

import { ApiError } from './api.js';
import { copies } from './clipboard.js';
import { submits } from './dialogs.js';
import { byId, el, say } from './dom.js';
import { plain } from './safe.js';

const refusals = [
  ['HTTPS URL is required', 'Enter a URL that begins with https://. http:// works only for a receiver on this machine, such as http://127.0.0.1:9000.'],
  ['URL must point to a public', 'This address is private. Enter a public one.'],
];

export class WebhookDialogs {
  #api;
  #changed;
  #edited = null; // the webhook in the dialog; null for a new one
  #secret = '';

  /** events: what can be subscribed to; changed(id) is called when a webhook has changed. */
  constructor(api, events, changed) {
    this.#api = api;
    this.#changed = changed;
    byId('webhook-events').replaceChildren(...events.map((event) => el('label', {},
      el('input', { type: 'checkbox', name: 'webhook-event', value: event }), el('code', {}, event))));
    byId('webhook-create-open').addEventListener('click', () => this.#open(null));
    this.#setUpSave();
    this.#setUpSecret();
    submits('webhook-delete', async () => {
      const { id } = byId('webhook-delete-dialog').dataset;
      await api.call('webhooks.delete', { id });
      byId('webhook-delete-dialog').close();
      await changed(id);
      byId('announcer').textContent = 'Webhook deleted.';
    });
  }

  edit(webhook) { this.#open(webhook); }

  delete(webhook) {
    byId('webhook-delete-dialog').dataset.id = webhook.id;
    byId('webhook-delete-url').textContent = plain(webhook.url);
    say(byId('webhook-delete-message'));
    byId('webhook-delete-dialog').showModal();
  }

  get #boxes() { return [...byId('webhook-events').querySelectorAll('input')]; }

  #open(webhook) {
    this.#edited = webhook;
    byId('webhook-title').textContent = webhook ? 'Edit webhook' : 'Create a webhook';
    byId('webhook-save').textContent = webhook ? 'Save' : 'Create webhook';
    byId('webhook-url').value = webhook?.url ?? '';
    byId('webhook-description').value = webhook?.description ?? '';
    for (const box of this.#boxes) box.checked = webhook ? webhook.events.includes(box.value) : box.value === 'api.request';
    say(byId('webhook-message'));
    byId('webhook-dialog').showModal();
  }

  // Saves, and says what the server refuses in the words of the field's hint.
  async #call(endpoint, values) {
    try {
      return await this.#api.call(endpoint, values);
    } catch (error) {
      const meant = refusals.find(([said]) => error.message.startsWith(said))?.[1];
      if (!meant) throw error;
      byId('webhook-url').focus();
      throw new ApiError(error.status, meant);
    }
  }

  #setUpSave() {
    submits('webhook', async () => {
      const values = {
        url: byId('webhook-url').value.trim(),
        description: byId('webhook-description').value,
        events: this.#boxes.filter((box) => box.checked).map((box) => box.value),
      };
      if (values.url === '') {
        byId('webhook-url').focus();
        throw new ApiError(0, 'A webhook needs a URL.');
      }
      if (values.events.length === 0) throw new ApiError(0, 'Choose at least one event.');
      if (this.#edited) {
        await this.#call('webhooks.update', { id: this.#edited.id, ...values });
        byId('webhook-dialog').close();
        await this.#changed(this.#edited.id);
        byId('announcer').textContent = 'Webhook saved.';
        return;
      }
      const { webhook } = await this.#call('webhooks.create', values);
      byId('webhook-dialog').close();
      await this.#changed(webhook.id);
      this.#reveal(webhook.secret);
    });
  }

  #setUpSecret() {
    const dialog = byId('webhook-secret-dialog');
    copies(byId('webhook-secret-copy'), () => this.#secret, () => 'Copy secret');
    dialog.addEventListener('close', () => {
      this.#secret = '';
      byId('webhook-secret-value').textContent = '';
    });
  }

  #reveal(secret) {
    this.#secret = secret;
    byId('webhook-secret-value').textContent = secret;
    byId('webhook-secret-dialog').showModal();
  }
}
