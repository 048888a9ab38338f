// A webhook in full with the log of its deliveries, one of them shown in full:
// what was sent and what was answered, side by side.

import { loadAttempts } from './api.js';
import { byId, el, say } from './dom.js';
import { Reader } from './reader.js';
import { plain, visible } from './safe.js';
import { SignatureView } from './signature.js';
import { indented, isJSON } from './tokens.js';

export class Deliveries {
  #api;
  #happened;
  #webhook = null; // whose log is open
  #attempts = []; // newest first
  #chosen = ''; // key of the attempt shown
  #painted = '';
  #request = new Reader(byId('delivery-request'));
  #payload = new Reader(byId('delivery-payload'), { tools: true });
  #response = new Reader(byId('delivery-response'));
  #signature = new SignatureView();

  /** happened() is called when something was sent from here. */
  constructor(api, happened) {
    this.#api = api;
    this.#happened = happened;
    byId('deliveries-test').addEventListener('click', () => this.#send('webhooks.test', {}));
    byId('deliveries-close').addEventListener('click', () => this.#close());
    byId('deliveries-retry').addEventListener('click', () => this.#send('webhooks.retry', {},
      ({ retried, succeeded }) => (retried === 0 ? 'There are no failed deliveries.' : `${retried} sent again, ${succeeded} of them delivered.`)));
    byId('delivery-replay').addEventListener('click', () => this.#send('webhooks.replay', { delivery: this.#attempt.delivery_id }));
  }

  /** Opens a webhook's log. */
  async open(webhook) {
    this.#webhook = webhook;
    this.#chosen = '';
    this.#painted = '';
    byId('deliveries').hidden = false;
    say(byId('deliveries-message'));
    await this.refresh([webhook]);
    byId('deliveries-title').focus();
    byId('deliveries').scrollIntoView({ block: 'nearest' });
  }

  /** Sends a webhook a test, and shows it in its log. */
  async test(webhook) {
    await this.open(webhook);
    await this.#send('webhooks.test', {});
  }

  /** Brings the log up to date; it closes where its webhook is gone. */
  async refresh(webhooks) {
    if (!this.#webhook) return;
    if (!webhooks.some(({ id }) => id === this.#webhook.id)) {
      this.#close();
      return;
    }
    this.#webhook = webhooks.find(({ id }) => id === this.#webhook.id);
    const { id } = this.#webhook;
    const [{ attempts }, { deliveries }] = await Promise.all([loadAttempts(id), this.#api.call('webhooks.deliveries', { id })]);
    // What was paused or filtered is in the log, and was not sent.
    const sent = new Set(attempts.map((a) => a.delivery_id));
    const unsent = deliveries.filter((d) => !sent.has(d.id)).map((d) => ({
      time: d.created_at, event: d.event_type, number: 0, delivery_id: d.id, url: '', status: 0, latency_ms: 0, error: d.response_body,
    }));
    this.#attempts = [...attempts, ...unsent].sort((a, b) => new Date(b.time) - new Date(a.time));
    this.#show();
  }

  get #attempt() { return this.#attempts.find((a) => key(a) === this.#chosen); }

  #close() {
    this.#webhook = null;
    byId('deliveries').hidden = true;
    byId('webhooks-title').focus();
  }

  async #send(endpoint, values, told = outcome) {
    const before = new Set(this.#attempts.map(key));
    let text;
    let tone = '';
    try {
      text = told(await this.#api.call(endpoint, { id: this.#webhook.id, ...values }));
    } catch (error) {
      [text, tone] = [error.status === 502 ? 'The receiver did not answer.' : String(error), 'bad'];
    }
    await this.#happened();
    const sent = this.#attempts.find((a) => !before.has(key(a)));
    if (sent) this.#choose(key(sent));
    say(byId('deliveries-message'), text, tone);
  }

  #choose(chosen) {
    this.#chosen = chosen;
    this.#show();
  }

  #show() {
    const next = JSON.stringify([this.#chosen, this.#webhook, this.#attempts]);
    if (next === this.#painted) return; // a selection in it stays
    this.#painted = next;
    byId('webhook-facts').replaceChildren(...facts(this.#webhook));
    byId('deliveries-empty').hidden = this.#attempts.length > 0;
    const focused = document.activeElement?.closest('#deliveries-list [data-key]')?.dataset.key;
    byId('deliveries-list').replaceChildren(...this.#attempts.map((attempt) => this.#item(attempt)));
    if (focused) byId('deliveries-list').querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    byId('delivery').hidden = !this.#attempt;
    if (this.#attempt) this.#paint(this.#attempt);
  }

  #item(attempt) {
    const { event, status, latency_ms: latency, time } = attempt;
    const chosen = key(attempt) === this.#chosen;
    return el('li', { 'data-shown': String(chosen) }, el('button', {
      type: 'button', class: 'pick', 'data-key': key(attempt), 'aria-current': chosen ? 'true' : null,
      onclick: () => this.#choose(key(attempt)),
    },
    el('span', { class: 'pick-line' },
      el('span', { class: 'badge', 'data-tone': status >= 200 && status < 300 ? 'ok' : 'bad' }, String(status || '—')),
      el('code', { class: 'pick-name' }, plain(event))),
    el('span', { class: 'muted pick-line' }, `${new Date(time).toLocaleTimeString()} · ${latency} ms · ${kind(attempt)}`)));
  }

  #paint(attempt) {
    const { url, header, body, status, reply_header: replyHeader, reply, error, delivery_id: id } = attempt;
    byId('delivery-replay').disabled = !id;
    byId('delivery-note').textContent = id ? '' : 'A test event cannot be sent again. Send another one.';
    this.#request.set(url ? message(`POST ${url}`, header) : 'This event was not sent.', url ? 'http' : '');
    byId('delivery-payload').hidden = !url;
    this.#payload.set(body ?? '', 'json');
    this.#response.set(status ? message(String(status), replyHeader, reply) : error || 'No response yet.', status ? 'http' : '');
    this.#signature.show(attempt, this.#webhook.secret);
  }
}

const key = ({ time, event, number }) => `${time} ${event} ${number}`;

function kind({ number, event, url }) {
  if (!url) return 'not sent';
  if (number === 1) return 'first attempt';
  if (number > 1) return `attempt ${number}`;
  return event === 'test' ? 'test' : 'sent again';
}

// What there is to know of a webhook besides its row.
function facts(webhook) {
  const { url, description, events, retry_max_attempts: attempts, retry_interval_seconds: interval, filter_conditions: filters, transformation, created_at: created } = webhook;
  const fact = (name, ...nodes) => el('div', {}, el('dt', {}, name), el('dd', {}, ...nodes));
  return [
    fact('URL', el('bdi', {}, ...visible(url))),
    description ? fact('Description', el('bdi', {}, ...visible(description))) : null,
    fact('Events', ...events.map((event) => el('code', { class: 'event-name' }, event))),
    attempts ? fact('Retries', `up to ${attempts} attempts, ${interval} s apart`) : null,
    filters ? fact('Filters', el('code', {}, ...visible(JSON.stringify(filters)))) : null,
    transformation ? fact('Transformation', el('code', {}, ...visible(transformation))) : null,
    fact('Created', new Date(created).toLocaleString()),
  ].filter(Boolean);
}

const outcome = ({ success, status_code: status }) => `${success ? 'Delivered' : 'Failed'}: the receiver answered ${status}.`;

function message(first, header, body) {
  const lines = Object.entries(header ?? {}).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
  return `${[first, ...lines].join('\n')}${body ? `\n\n${isJSON(body) ? indented(body) : body}` : ''}`;
}
