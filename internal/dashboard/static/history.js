// What was sent in this tab: to look at again, to compare with what is shown,
// to change, to send once more. It survives a reload, without credentials.

import { byId, el } from './dom.js';
import { compare } from './compare.js';
import { download } from './download.js';
import { Exchange } from './exchange.js';
import { asHAR } from './har.js';
import { anyRequest } from './recognize.js';
import { visible } from './safe.js';
import { storedHistory } from './storage.js';

const most = 50; // exchanges
const largest = 32e6; // characters in all of them

export class History {
  #exchanges = []; // newest first
  #shown = null;
  #act;

  /**
   * act: show(exchange) shows one, edit(exchange) fills the form with its
   * request, resend(exchange) sends it again. endpoints: those of what the
   * tab had sent before a reload.
   */
  constructor(endpoints, act) {
    this.#act = act;
    this.#exchanges = storedHistory.load().flatMap((record) => {
      try {
        return [Exchange.of(record, endpoints.find((e) => e.id === record.endpoint) ?? anyRequest)];
      } catch {
        return []; // of another version of this page
      }
    });
    byId('history-export').addEventListener('click', () => download(
      'clawhq-history.har', 'application/json', asHAR(this.#exchanges.filter((x) => x.state === 'done').reverse())));
    byId('history-clear').addEventListener('click', () => {
      this.#exchanges = this.#exchanges.filter((x) => x.state !== 'done' || x === this.#shown);
      this.keep();
      this.#paint();
      byId('history-title').tabIndex = -1;
      byId('history-title').focus();
    });
  }

  add(exchange) {
    this.#exchanges.unshift(exchange);
    let size = 0;
    this.#exchanges = this.#exchanges.slice(0, most).filter((x) => {
      size += x.size;
      return x === exchange || size <= largest;
    });
  }

  /** Keeps what has ended through a reload. */
  keep() { storedHistory.save(this.#exchanges.filter((x) => x.state === 'done').map((x) => x.record)); }

  /** Marks what is shown, and shows how it stands with all. */
  mark(exchange) {
    this.#shown = exchange;
    this.#paint();
  }

  #paint() {
    const list = this.#exchanges;
    byId('history-empty').hidden = list.length > 0;
    byId('history-clear').hidden = !list.some((x) => x !== this.#shown);
    byId('history-export').hidden = list.length === 0;
    const focused = document.activeElement?.closest('#history [data-key]')?.dataset.key;
    byId('history').replaceChildren(...list.map((exchange, i) => this.#item(exchange, list.length - i)));
    if (focused) byId('history').querySelector(`[data-key="${focused}"]`)?.focus();
  }

  #item(exchange, number) {
    const { request, endpoint, status, state, seconds, sent, keyName, note } = exchange;
    const name = endpoint.method ? endpoint.name : request.path;
    const whole = !request.form?.some(({ value }) => value.name && !(value instanceof File)); // its files are there
    const tone = state !== 'done' ? 'pending' : status > 0 && status < 400 && note?.tone !== 'bad' ? 'ok' : 'bad';
    const button = (action, text, told, act) => el('button', {
      type: 'button', class: 'small quiet', 'data-key': `${number}-${action}`, 'aria-label': `${told} ${number}: ${name}`, onclick: act,
    }, text);
    return el('li', { 'data-shown': String(exchange === this.#shown) },
      el('button', {
        type: 'button', class: 'pick', 'data-key': `${number}-pick`, 'aria-current': exchange === this.#shown ? 'true' : null,
        onclick: () => this.#act.show(exchange),
      },
      el('span', { class: 'pick-line' },
        el('span', { class: 'badge', 'data-tone': tone }, state === 'done' ? String(status || '—') : '…'),
        el('span', { class: 'method', 'data-method': request.method }, request.method),
        el('span', { class: 'pick-name' }, name)),
      el('span', { class: 'muted pick-line' }, `${sent.toLocaleTimeString()} · ${seconds.toFixed(2)} s`,
        keyName ? el('bdi', { class: 'pick-key' }, ...visible(keyName)) : '')),
      el('div', { class: 'buttons' },
        whole ? button('resend', 'Resend', 'Resend', () => this.#act.resend(exchange)) : null,
        request.form ? null : button('edit', 'Edit', 'Edit and send again', () => this.#act.edit(exchange)),
        exchange === this.#shown || !this.#shown ? null
          : button('compare', 'Compare', 'Compare with what is shown,', () => compare(exchange, this.#shown))));
  }
}
