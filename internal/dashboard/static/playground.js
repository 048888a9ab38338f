// The playground: choose a key and an endpoint, fill in, send, look.

import { byId, el, say } from './dom.js';
import { ParameterForm } from './form.js';
import { RequestView, ResponseView } from './exchange.js';
import { buildRequest } from './request.js';
import { Countdown, RateMeter, readRateLimit, readRetryAfter } from './ratelimit.js';

const pasteOption = 'paste';

export class Playground {
  #catalog;
  #keyring;
  #faults;
  #endpoint;
  #form;
  #abort = null;
  #requestView = new RequestView();
  #responseView;
  #meter = new RateMeter(byId('rate-meter'));
  #countdown = new Countdown(byId('countdown'));

  constructor(catalog, keyring, faults) {
    this.#catalog = catalog;
    this.#keyring = keyring;
    this.#faults = faults;
    this.#responseView = new ResponseView(catalog.status_texts);
    this.#form = new ParameterForm(byId('parameters'), {
      keys: () => keyring.keys.filter((key) => !key.pasted).map((key) => ({ value: key.id, label: key.name })),
    });
    this.#setUpEndpoints();
    this.#setUpKeys();
    const form = byId('playground-form');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    form.addEventListener('input', () => this.#showRequest());
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
    byId('stop').addEventListener('click', () => this.#abort?.abort());
  }

  /** Makes a key the one in use. */
  useKey(id) {
    this.#showKeys(id);
    this.#showRequest();
  }

  #setUpEndpoints() {
    const select = byId('endpoint');
    const groups = Map.groupBy(this.#catalog.endpoints, (e) => e.group);
    select.replaceChildren(...[...groups].map(([group, list]) => el('optgroup', { label: group },
      ...list.map((e) => el('option', { value: e.id }, e.name)))));
    select.addEventListener('change', () => this.#choose(select.value));
    this.#showKeys();
    this.#choose(select.value);
  }

  #choose(id) {
    this.#endpoint = this.#catalog.endpoints.find((e) => e.id === id);
    const { method, path, description, auth } = this.#endpoint;
    byId('endpoint-line').replaceChildren(
      el('span', { class: 'method', 'data-method': method }, method),
      el('code', {}, this.#catalog.base_path + path));
    byId('endpoint-description').textContent = description;
    byId('key-field').hidden = auth !== 'key';
    byId('session-note').hidden = auth !== 'session';
    this.#form.show(this.#endpoint);
    this.#showRequest();
  }

  #setUpKeys() {
    this.#keyring.addEventListener('change', () => {
      this.#showKeys();
      this.#showRequest();
    });
    byId('key').addEventListener('change', () => this.#showPaste());
    byId('paste-use').addEventListener('click', () => this.#paste());
    byId('paste-value').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.#paste();
    });
  }

  #showKeys(chosen = byId('key').value) {
    const label = (key) => `${key.name} (${key.prefix}…${key.status === 'active' ? '' : `, ${key.status}`})`;
    const held = this.#keyring.keys.filter((key) => key.secret);
    const listed = this.#keyring.keys.filter((key) => !key.secret && key.status === 'active');
    byId('key').replaceChildren(
      ...held.map((key) => el('option', { value: key.id }, label(key))),
      el('option', { value: pasteOption }, 'Paste a key…'),
      ...(listed.length === 0 ? [] : [el('optgroup', { label: 'Full key not on this page' },
        ...listed.map((key) => el('option', { value: key.id, disabled: true }, label(key))))]));
    const pick = held.find((key) => key.id === chosen) ?? (chosen === pasteOption && byId('paste-value').value ? null : held[0]);
    byId('key').value = pick?.id ?? pasteOption;
    this.#showPaste();
  }

  #showPaste() {
    byId('paste').hidden = byId('key').value !== pasteOption;
    say(byId('paste-message'));
  }

  #paste() {
    const secret = byId('paste-value').value.trim();
    if (!new RegExp(`^(?:${this.#catalog.key_pattern})$`).test(secret)) {
      say(byId('paste-message'), `A key has the form ${this.#catalog.key_pattern}.`, 'bad');
      return;
    }
    byId('paste-value').value = '';
    this.useKey(this.#keyring.paste(secret));
    byId('key').focus();
  }

  #request() {
    const key = this.#keyring.get(byId('key').value)?.secret;
    return buildRequest(this.#catalog, this.#endpoint, this.#form.values(), key);
  }

  #showRequest() { this.#requestView.show(this.#request()); }

  async #send() {
    if (this.#abort) return;
    say(byId('send-message'));
    if (byId('skip-checks').checked) this.#form.clear();
    else {
      const wrong = this.#form.check();
      if (wrong) {
        wrong.focus();
        return;
      }
    }
    const request = this.#request();
    this.#requestView.show(request);
    this.#abort = new AbortController();
    byId('send').disabled = true;
    byId('stop').hidden = false;
    this.#countdown.stop();
    try {
      const reply = await this.#responseView.run(request, this.#abort.signal);
      this.#learn(reply);
    } finally {
      this.#abort = null;
      byId('send').disabled = false;
      byId('stop').hidden = true;
    }
    await this.#faults.refresh();
  }

  // What a reply tells beyond itself.
  #learn({ status, headers, text }) {
    const rate = readRateLimit(headers);
    if (rate) this.#meter.show(rate);
    if (status === 429) this.#countdown.start(readRetryAfter(headers));
    if (this.#endpoint.id === 'keys.create' && status === 200) this.#keyring.created(JSON.parse(text).key);
  }
}
