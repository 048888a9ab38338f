// The playground: choose a key and an endpoint, fill in, send, look.

import { byId, el } from './dom.js';
import './enlarge.js';
import { BodyEditor } from './bodyeditor.js';
import { keep, typed } from './draft.js';
import { Exchange } from './exchange.js';
import { ParameterForm } from './form.js';
import { History } from './history.js';
import { learn, seen } from './ids.js';
import { KeyChoice } from './keychoice.js';
import { fillsPlayground } from './openplayground.js';
import { PageButtons } from './pagebuttons.js';
import { anyRequest, recognize } from './recognize.js';
import { RequestView } from './requestview.js';
import { ResponseView, told } from './response.js';
import { asOpened, buildRequest, withKey } from './request.js';
import { plain } from './safe.js';
import { SavedRequests } from './saved.js';
import { maskedHeaders } from './secrets.js';
import { isJSON } from './tokens.js';

export class Playground {
  #catalog;
  #keyring;
  #faults;
  #api;
  #agents = []; // that are deployed, as suggestions
  #refreshKeys;
  #endpoint;
  #form;
  #body;
  #choice;
  #abort = null;
  #requestView = new RequestView();
  #responseView = new ResponseView();
  #history;

  /** refreshKeys() brings the keyring up to date. */
  constructor(catalog, keyring, faults, api, refreshKeys) {
    this.#api = api;
    this.#refreshKeys = refreshKeys;
    this.#catalog = { ...catalog, endpoints: [...catalog.endpoints, anyRequest] };
    this.#keyring = keyring;
    this.#faults = faults;
    this.#form = new ParameterForm(byId('parameters'), (source) => this.#suggestions(source));
    this.#body = new BodyEditor(this.#form, () => this.#edited());
    this.#setUpEndpoints();
    this.#choice = new KeyChoice(keyring, catalog.key_pattern, () => this.#edited());
    this.#history = new History(this.#catalog.endpoints, {
      show: (exchange) => this.#show(exchange),
      edit: (exchange) => this.#fill({ ...asOpened(exchange.request), keyID: exchange.keyID }),
      resend: (exchange) => this.#again(exchange, exchange.request),
    });
    this.#history.mark(null);
    new SavedRequests(() => this.#toSave(), (request) => this.#fill(request));
    this.#restore(typed('playground'));
    fillsPlayground((request) => this.#fill(request));
    const form = byId('playground-form');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    form.addEventListener('input', () => this.#edited());
    form.closest('[data-view]').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault(); // in another form it would be Enter
      form.requestSubmit();
    });
    new PageButtons((request, exchange) => this.#again(exchange, request), this.#responseView);
    for (const button of document.querySelectorAll('[data-stop]')) button.addEventListener('click', () => this.#stop());
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('dialog[open]')) this.#stop();
    });
  }

  /** Looks at what the server has by now: armed faults, deployed agents. */
  async refresh() {
    await Promise.all([this.#faults.refresh(), this.#refreshAgents()]);
  }

  /** Makes a key the one in use. */
  useKey(id) { this.#choice.use(id); }

  // Fills the form with a request from elsewhere on the page.
  #fill(request) {
    const { endpoint, values, raw } = recognize(this.#catalog, request);
    byId('endpoint').value = endpoint.id;
    this.#choose(endpoint.id);
    this.#form.set(values);
    this.#body.write(raw);
    this.#choice.want(request.keyID);
    if (!this.#abort) this.#show(null);
    this.#edited();
    byId('announcer').textContent = 'The request is filled in. It has not been sent yet.';
  }

  async #refreshAgents() {
    const key = this.#keyring.keys.find((k) => k.secret && k.status === 'active');
    if (!key) return;
    try {
      const { agents } = await this.#api.call('agents.list', { limit: 100 }, key.secret);
      this.#agents = agents.filter(({ status }) => status === 'deployed')
        .map(({ slug, name }) => ({ value: slug ?? name, label: slug ? plain(name) : undefined }));
      this.#form.suggest();
    } catch {
      // There are no suggestions then, or the ones from before.
    }
  }

  // What a parameter with a source can be.
  #suggestions(source) {
    if (source === 'deployed agents') return this.#agents;
    if (source !== 'API keys') return seen(source);
    return this.#keyring.keys.filter((key) => !key.pasted).map((key) => ({ value: key.id, label: plain(key.name) }));
  }

  // The request of the form, to be saved; null if it has a file.
  #toSave() {
    const request = this.#request();
    if (request.form) return null;
    return { name: this.#endpoint.method ? this.#endpoint.name : request.path, request: asOpened(request) };
  }

  // Sends a request like that of an exchange by the same key, as far as the
  // page still has it.
  #again({ endpoint, keyID, keyName }, request) {
    const key = this.#keyring.get(keyID);
    const held = key?.secret ? key : this.#choice.key;
    this.#run(withKey(request, held?.secret), endpoint, request.auth === 'key' ? held ?? { name: keyName } : undefined);
  }

  #setUpEndpoints() {
    const select = byId('endpoint');
    const groups = Map.groupBy(this.#catalog.endpoints, (e) => e.group);
    select.replaceChildren(...[...groups].map(([group, list]) => el('optgroup', { label: group },
      ...list.map((e) => el('option', { value: e.id }, e.name)))));
    select.addEventListener('change', () => {
      this.#choose(select.value);
      if (!this.#abort) this.#show(null);
    });
    this.#choose(select.value);
  }

  #choose(id) {
    this.#endpoint = this.#catalog.endpoints.find((e) => e.id === id);
    const { method, path, description, auth } = this.#endpoint;
    byId('endpoint-line').replaceChildren(
      ...(method ? [el('span', { class: 'method', 'data-method': method }, method), el('code', {}, this.#catalog.base_path + path)] : []));
    byId('endpoint-description').textContent = description;
    byId('key-field').hidden = auth !== 'key';
    byId('session-note').hidden = auth !== 'session';
    this.#body.choose(this.#endpoint);
    this.#edited();
  }

  // What was typed before a reload is there again.
  #restore(draft) {
    if (draft && this.#catalog.endpoints.some((e) => e.id === draft.endpoint)) {
      this.#form.restore(draft.values);
      byId('endpoint').value = draft.endpoint;
      this.#choose(draft.endpoint);
      this.#body.write(draft.raw);
      byId('skip-checks').checked = draft.skip;
      this.#choice.use(draft.key);
    }
    this.#edited();
  }

  #edited() {
    if (!this.#choice) return; // still being set up
    this.#requestView.next(this.#request());
    const { headers = '', ...values } = this.#form.kept();
    keep('playground', {
      endpoint: this.#endpoint.id, values: headers ? { ...values, headers: maskedHeaders(headers) } : values, raw: this.#body.raw,
      skip: byId('skip-checks').checked, key: byId('key').value,
    });
  }

  #request() {
    return buildRequest(this.#catalog, this.#endpoint, this.#form.values(), { key: this.#choice.key?.secret, raw: this.#body.raw });
  }

  #send() {
    if (this.#abort) return;
    if (byId('skip-checks').checked) this.#body.clear();
    else {
      if (this.#endpoint.auth === 'key' && !this.#choice.key) {
        this.#choice.ask();
        return;
      }
      const wrong = this.#body.check();
      if (wrong) {
        wrong.focus();
        return;
      }
    }
    const request = this.#request();
    this.#run(request, this.#endpoint, request.auth === 'key' ? this.#choice.key : undefined);
  }

  async #run(request, endpoint, key) {
    if (this.#abort) return;
    this.#abort = new AbortController();
    this.#busy(true);
    byId('announcer').textContent = 'Sent.';
    const exchange = new Exchange(request, endpoint, key, this.#catalog.status_texts, (x) => this.#responseView.changed(x));
    this.#history.add(exchange);
    this.#show(exchange);
    const view = byId('response');
    if (view.getBoundingClientRect().top > innerHeight * 0.6) view.scrollIntoView(); // below the form on a phone
    await exchange.run(this.#abort.signal);
    this.#abort = null;
    this.#busy(false);
    byId('announcer').textContent = told(exchange);
    this.#history.keep();
    this.#history.mark(this.#responseView.exchange);
    learn(exchange);
    this.#form.suggest();
    await Promise.all([this.#faults.refresh(), endpoint.group === 'API keys' ? this.#keysCalled(exchange) : null]);
  }

  // Keeps a key that was created, and looks at what became of the others.
  #keysCalled({ endpoint, status, body }) {
    const created = endpoint.id === 'keys.create' && status === 200 && isJSON(body) ? JSON.parse(body)?.key : null;
    if (created?.full_key) this.#keyring.created(created);
    return this.#refreshKeys();
  }

  #stop() { this.#abort?.abort(); }

  #busy(busy) {
    byId('send').setAttribute('aria-disabled', String(busy));
    if (!busy && document.activeElement?.matches('[data-stop]')) byId('send').focus();
    for (const button of document.querySelectorAll('[data-stop]')) button.hidden = !busy;
  }

  // Shows an exchange, or none, on both sides.
  #show(exchange) {
    this.#requestView.sent(exchange?.request ?? null);
    this.#responseView.show(exchange);
    this.#history.mark(exchange);
  }
}
