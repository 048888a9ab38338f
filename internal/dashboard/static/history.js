// What was sent since the page was opened: to look at again, to compare with
// what is shown, to send once more. It lives in this page's memory only.

import { byId, el } from './dom.js';
import { compare } from './compare.js';
import { visible } from './safe.js';

const most = 50; // exchanges
const largest = 32e6; // characters in all of them

export class History {
  #exchanges = []; // newest first
  #shown = null;
  #show;
  #resend;

  /** show(exchange) shows one, resend(exchange) sends its request again. */
  constructor(show, resend) {
    this.#show = show;
    this.#resend = resend;
    byId('history-clear').addEventListener('click', () => {
      this.#exchanges = this.#exchanges.filter((x) => x.state !== 'done' || x === this.#shown);
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

  /** Marks what is shown, and shows how it stands with all. */
  mark(exchange) {
    this.#shown = exchange;
    this.#paint();
  }

  #paint() {
    const list = this.#exchanges;
    byId('history-empty').hidden = list.length > 0;
    byId('history-clear').hidden = !list.some((x) => x !== this.#shown);
    const focused = document.activeElement?.closest('#history [data-key]')?.dataset.key;
    byId('history').replaceChildren(...list.map((exchange, i) => this.#item(exchange, list.length - i)));
    if (focused) byId('history').querySelector(`[data-key="${focused}"]`)?.focus();
  }

  #item(exchange, number) {
    const { request, endpoint, status, state, seconds, sent, keyName, note } = exchange;
    const tone = state !== 'done' ? 'pending' : status > 0 && status < 400 && note?.tone !== 'bad' ? 'ok' : 'bad';
    const button = (action, text, name, act, attributes = {}) => el('button', {
      type: 'button', class: 'small quiet', 'data-key': `${number}-${action}`, 'aria-label': `${name} ${number}: ${endpoint.name}`, onclick: act, ...attributes,
    }, text);
    return el('li', { 'data-shown': String(exchange === this.#shown) },
      el('button', {
        type: 'button', class: 'pick', 'data-key': `${number}-pick`, 'aria-current': exchange === this.#shown ? 'true' : null,
        onclick: () => this.#show(exchange),
      },
      el('span', { class: 'pick-line' },
        el('span', { class: 'badge', 'data-tone': tone }, state === 'done' ? String(status || '—') : '…'),
        el('span', { class: 'method', 'data-method': request.method }, request.method),
        el('span', { class: 'pick-name' }, endpoint.name)),
      el('span', { class: 'muted pick-line' }, `${sent.toLocaleTimeString()} · ${seconds.toFixed(2)} s`,
        keyName ? el('bdi', { class: 'pick-key' }, ...visible(keyName)) : '')),
      el('div', { class: 'buttons' },
        button('resend', 'Resend', 'Resend', () => this.#resend(exchange)),
        exchange === this.#shown || !this.#shown ? null
          : button('compare', 'Compare', 'Compare with what is shown,', () => compare(exchange, this.#shown))));
  }
}
