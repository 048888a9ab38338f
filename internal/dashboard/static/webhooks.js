// The Webhooks view: the table of webhooks and what can be done to them.

import { byId, el, say } from './dom.js';
import { Deliveries } from './deliveries.js';
import { menuIsOpen, opensMenu } from './menu.js';
import { plain, visible } from './safe.js';
import { WebhookDialogs } from './webhookdialogs.js';
import { when } from './when.js';

const interval = 2000; // milliseconds between looks at the server while the view is shown

export class WebhooksView {
  #api;
  #dialogs;
  #deliveries;
  #message = byId('webhooks-message');
  #shown = '';

  constructor(api, events) {
    this.#api = api;
    this.#dialogs = new WebhookDialogs(api, events, (id) => this.#changed(id));
    this.#deliveries = new Deliveries(api, () => this.refresh());
    byId('webhooks-refresh').addEventListener('click', () => this.refresh());
    setInterval(() => { if (!document.hidden && !byId('webhooks-card').closest('[data-view]').hidden) this.refresh(); }, interval);
  }

  async refresh() {
    try {
      const [{ webhooks }, { stats }] = await Promise.all([this.#api.call('webhooks.list'), this.#api.call('webhooks.stats')]);
      this.#show(webhooks, new Map(stats.map((s) => [s.webhook_id, s])));
      await this.#deliveries.refresh(webhooks);
      say(this.#message);
    } catch (error) {
      say(this.#message, String(error), 'bad');
    }
    byId('webhooks-card').setAttribute('aria-busy', 'false');
  }

  // Shows what became of a webhook, and returns the focus to it, or to the
  // title where it is gone.
  async #changed(id) {
    await this.refresh();
    (this.#menu(id) ?? byId('webhooks-title')).focus();
  }

  #menu(id) { return this.#row(id)?.querySelector('[data-action=menu]'); }

  #row(id) { return byId('webhooks-rows').querySelector(`[data-webhook="${CSS.escape(id)}"]`); }

  #show(webhooks, stats) {
    byId('webhooks-loading').hidden = true;
    byId('webhooks-empty').hidden = webhooks.length > 0;
    byId('webhooks-table').hidden = webhooks.length === 0;
    const next = JSON.stringify([webhooks, [...stats]]);
    // What has the focus, or is being pressed, stays where it is.
    if (next === this.#shown || menuIsOpen() || byId('webhooks-rows').querySelector(':active')) return;
    this.#shown = next;
    const focused = document.activeElement?.closest('#webhooks-rows button');
    const [row, action] = [focused?.closest('tr').dataset.webhook, focused?.dataset.action];
    byId('webhooks-rows').replaceChildren(...webhooks.map((webhook) => this.#make(webhook, stats.get(webhook.id))));
    if (row) this.#row(row)?.querySelector(`[data-action=${action}]`)?.focus();
  }

  #make(webhook, stats) {
    const cell = (label, ...content) => el('td', { role: 'cell', 'data-label': label }, ...content);
    const paused = Boolean(webhook.paused_at);
    const status = !webhook.enabled ? 'disabled' : paused ? 'paused' : 'active';
    const menu = el('button', { type: 'button', class: 'small quiet icon', 'data-action': 'menu', 'aria-label': `Actions for ${plain(webhook.url)}` }, '⋯');
    opensMenu(menu, () => [
      { id: 'test', label: 'Send test event', act: () => this.#deliveries.test(webhook) },
      { id: 'edit', label: 'Edit', act: () => this.#dialogs.edit(webhook) },
      ...webhook.enabled ? [{ id: 'pause', label: paused ? 'Resume' : 'Pause', act: () => this.#update(webhook.id, { paused_at: paused ? null : new Date().toISOString() }) }] : [],
      { id: 'enable', label: webhook.enabled ? 'Disable' : 'Enable', act: () => this.#update(webhook.id, { enabled: !webhook.enabled }) },
      { id: 'delete', label: 'Delete', act: () => this.#dialogs.delete(webhook), danger: true },
    ], () => this.#menu(webhook.id) ?? byId('webhooks-title'));
    return el('tr', { role: 'row', 'data-webhook': webhook.id },
      el('th', { role: 'rowheader', scope: 'row', 'data-label': 'URL' },
        el('button', { type: 'button', class: 'link', 'data-action': 'open', onclick: () => this.#deliveries.open(webhook) }, el('bdi', {}, ...visible(webhook.url))),
        webhook.description ? el('bdi', { class: 'muted webhook-description' }, ...visible(webhook.description)) : null),
      cell('Events', webhook.events.length === 1 ? webhook.events[0] : `${webhook.events.length} events`),
      cell('Status', el('span', { class: 'badge', 'data-status': status }, status),
        webhook.failure_count > 0 ? el('span', { class: 'bad failures' }, ` ${webhook.failure_count} failed in a row`) : null),
      cell('Last delivery', when(webhook.last_triggered_at),
        webhook.last_status ? el('span', { class: webhook.last_status === 'success' ? 'muted' : 'bad' }, ` ${webhook.last_status_code || webhook.last_status}`) : null),
      cell('Delivered, 7 days', stats ? `${stats.successful_deliveries} of ${stats.total_deliveries}` : el('span', { class: 'muted' }, 'none')),
      el('td', { role: 'cell', class: 'actions' }, menu));
  }

  async #update(id, changes) {
    try {
      await this.#api.call('webhooks.update', { id, ...changes });
      await this.refresh();
      byId('announcer').textContent = `Webhook ${this.#row(id)?.querySelector('.badge').textContent ?? 'gone'}.`;
    } catch (error) {
      say(this.#message, String(error), 'bad');
    }
  }
}
