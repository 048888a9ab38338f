// The request: what was sent while its reply is shown, and what would be sent
// next; as HTTP or as a program, the key masked until asked for.

import { byId, el } from './dom.js';
import { copies } from './clipboard.js';
import { Reader } from './reader.js';
import { masked } from './secrets.js';
import { languages } from './snippets.js';
import { indented, isJSON } from './tokens.js';

export class RequestView {
  #sent = null;
  #next = null;
  #which = 'sent';
  #form = 'http';
  #revealed = false;
  #code = new Reader(byId('request-code'));

  constructor() {
    const forms = { http: { label: 'HTTP' }, ...languages };
    byId('request-forms').append(...Object.entries(forms).map(([name, { label }]) => el('label', {},
      el('input', { type: 'radio', name: 'request-form', value: name, checked: name === this.#form }), el('span', {}, label))));
    byId('request-forms').addEventListener('change', (event) => {
      this.#form = event.target.value;
      this.#show();
    });
    byId('request-which').addEventListener('change', (event) => {
      this.#which = event.target.value;
      this.#show();
    });
    byId('request-reveal').addEventListener('click', () => {
      this.#revealed = !this.#revealed;
      this.#show();
    });
    copies(byId('request-copy'), () => this.#text(), () => this.#copyLabel());
  }

  /** The request that the form makes now. */
  next(request) {
    const credential = ({ headers } = { headers: [] }) => headers.find((h) => h.shown)?.value;
    if (credential(this.#next ?? undefined) !== credential(request)) this.#revealed = false;
    this.#next = request;
    if (!this.#sent || this.#which === 'next') this.#show();
  }

  /** The request whose reply is shown; null for none. */
  sent(request) {
    this.#sent = request;
    this.#revealed = false;
    this.#which = 'sent';
    byId('request-which').hidden = !request;
    byId('request-which').querySelector('[value=sent]').checked = true;
    this.#show();
  }

  get #request() { return this.#which === 'sent' && this.#sent || this.#next; }

  #show() {
    if (!this.#request) return;
    const reveal = byId('request-reveal');
    reveal.hidden = this.#form !== 'http' || asHTTP(this.#request) === asHTTP(this.#request, true);
    reveal.setAttribute('aria-pressed', String(this.#revealed));
    reveal.textContent = this.#revealed ? 'Hide key' : 'Reveal key';
    byId('request-copy').textContent = this.#copyLabel();
    this.#code.set(this.#text().trimEnd(), this.#form);
  }

  #copyLabel() { return this.#form === 'http' ? 'Copy request' : `Copy as ${languages[this.#form].label}`; }

  #text() {
    if (this.#form !== 'http') return languages[this.#form].write(this.#request);
    return asHTTP(this.#request, this.#revealed);
  }
}

/** A request as an HTTP message. */
export function asHTTP({ method, url, headers, body, form }, revealed = false) {
  const lines = headers.map(({ name, value, shown }) => `${name}: ${shown && (value === null || !revealed) ? shown : value}`);
  const head = [`${method} ${url}`, ...lines].join('\n');
  if (form) return `${head}\n\n${form.map(({ name, value }) => `${name}: ${value.name ? `file ${value.name}, ${value.size.toLocaleString('en')} bytes` : value}`).join('\n')}`;
  if (body === null) return head;
  const shownBody = revealed ? body : masked(body);
  return `${head}\n\n${isJSON(shownBody) ? indented(shownBody) : shownBody}`;
}
