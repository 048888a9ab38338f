// One request and its reply, shown side by side as they happen.

import { byId, el } from './dom.js';
import { copies } from './clipboard.js';
import { highlighted, isJSON } from './highlight.js';
import { languages } from './snippets.js';
import { events } from './sse.js';
import { send } from './request.js';

const offset = (start) => `+${((performance.now() - start) / 1000).toFixed(3)} s`;

/** The request: as HTTP or as a program, the key masked until asked for. */
export class RequestView {
  #request = null;
  #form = 'http';
  #revealed = false;

  constructor() {
    const forms = { http: { label: 'HTTP' }, ...languages };
    byId('request-forms').append(...Object.entries(forms).map(([name, { label }]) => el('label', {},
      el('input', {
        type: 'radio', name: 'request-form', value: name, checked: name === this.#form,
        onchange: () => { this.#form = name; this.#show(); },
      }), el('span', {}, label))));
    byId('request-reveal').addEventListener('click', () => {
      this.#revealed = !this.#revealed;
      this.#show();
    });
    copies(byId('request-copy'), () => this.#text(), () => this.#copyLabel());
  }

  show(request) {
    this.#request = request;
    this.#show();
  }

  #show() {
    const reveal = byId('request-reveal');
    reveal.hidden = this.#form !== 'http' || !this.#request.headers.some((h) => h.value !== null && h.shown);
    reveal.setAttribute('aria-pressed', String(this.#revealed));
    reveal.textContent = this.#revealed ? 'Hide key' : 'Reveal key';
    byId('request-copy').textContent = this.#copyLabel();
    const code = byId('request-code');
    code.dataset.form = this.#form;
    if (this.#form !== 'http') {
      code.textContent = this.#text();
      return;
    }
    const { method, url, headers, body } = this.#request;
    code.replaceChildren(el('span', { class: 'http-start' }, `${method} ${url}`));
    for (const header of headers) code.append('\n', ...headerLine(header.name, this.#headerValue(header)));
    if (body !== null) code.append('\n\n', highlighted(body));
  }

  #copyLabel() { return this.#form === 'http' ? 'Copy request' : `Copy as ${languages[this.#form].label}`; }

  #text() {
    if (this.#form !== 'http') return languages[this.#form].write(this.#request);
    return byId('request-code').textContent;
  }

  #headerValue({ value, shown }) {
    return shown && (value === null || !this.#revealed) ? shown : value;
  }
}

const headerLine = (name, value) => [el('span', { class: 'http-header' }, name), `: ${value}`];

/** The reply: status, headers, body; a stream's events as they arrive. */
export class ResponseView {
  #statusTexts;

  constructor(statusTexts) { this.#statusTexts = statusTexts; }

  /** Sends a request, shows all of the reply, and returns its status, headers and body. */
  async run(request, signal) {
    const start = performance.now();
    this.#begin();
    let response;
    let text = '';
    try {
      response = await send(request, signal);
      this.#head(response, start);
      const type = response.headers.get('Content-Type') ?? '';
      if (type.startsWith('text/event-stream')) await this.#stream(response, start);
      else {
        text = await response.text();
        this.#body(text, start);
      }
    } catch (error) {
      this.#fail(error, response, start);
    }
    return { status: response?.status ?? 0, headers: response?.headers ?? new Headers(), text };
  }

  #begin() {
    const view = byId('response');
    view.dataset.state = 'waiting';
    if (view.getBoundingClientRect().top > innerHeight * 0.75) view.scrollIntoView(); // below the form on a phone
    for (const id of ['response-headers', 'response-body', 'response-events', 'response-text']) byId(id).replaceChildren();
    for (const id of ['response-head', 'response-body', 'response-stream', 'response-note']) byId(id).hidden = true;
    this.#status('…', 'Waiting for the reply', 'pending', '');
  }

  #status(number, text, tone, time) {
    const status = byId('response-status');
    status.dataset.tone = tone;
    status.replaceChildren(el('strong', {}, String(number)), ` ${text}`);
    byId('response-time').textContent = time;
  }

  #head(response, start) {
    const { status } = response;
    this.#status(status, response.statusText || this.#statusTexts[status] || '', status < 400 ? 'ok' : 'bad', offset(start).slice(1));
    byId('response-headers').replaceChildren(...[...response.headers].flatMap(([name, value]) => [...headerLine(name, value), '\n']));
    byId('response-head').hidden = false;
  }

  #body(text, start) {
    const body = byId('response-body');
    body.replaceChildren(text === '' ? el('span', { class: 'muted' }, 'empty body') : highlighted(text));
    body.hidden = false;
    this.#end(`${offset(start).slice(1)} · ${new Blob([text]).size.toLocaleString('en')} bytes`);
  }

  async #stream(response, start) {
    byId('response').dataset.state = 'streaming';
    byId('response-stream').hidden = false;
    let count = 0;
    let done = false;
    let failed = '';
    for await (const data of events(response)) {
      count += 1;
      const kind = eventKind(data);
      if (kind === 'content') byId('response-text').append(JSON.parse(data).content);
      if (kind === 'done') done = true;
      if (kind === 'error') failed = 'The stream reported an error.';
      if (kind === 'malformed') failed = 'An event is not JSON: a client must not skip it, since a piece of the answer is lost.';
      const list = byId('response-events');
      list.append(el('li', { 'data-kind': kind },
        el('span', { class: 'offset' }, offset(start)), el('code', {}, highlighted(data, { indent: false }))));
      list.scrollTop = list.scrollHeight;
    }
    if (!done) failed ||= 'The stream ended without [DONE]: it was cut off.';
    if (failed) this.#note(failed);
    this.#end(`${offset(start).slice(1)} · ${count} events`);
  }

  #fail(error, response, start) {
    if (error.name === 'AbortError') this.#note('Stopped by you.', 'warn');
    else if (response) this.#note('The connection was lost before the reply was complete.');
    else {
      this.#status('—', 'No reply', 'bad', '');
      this.#note('The connection was closed without a reply.');
    }
    if (!response && error.name === 'AbortError') this.#status('—', 'Stopped', 'pending', '');
    this.#end(offset(start).slice(1));
  }

  #note(text, tone = 'bad') {
    const note = byId('response-note');
    note.textContent = text;
    note.dataset.tone = tone;
    note.hidden = false;
  }

  #end(time) {
    byId('response').dataset.state = 'done';
    byId('response-time').textContent = time;
    byId('announcer').textContent = `Reply: ${byId('response-status').textContent}. ${byId('response-note').hidden ? '' : byId('response-note').textContent}`;
  }
}

function eventKind(data) {
  if (data === '[DONE]') return 'done';
  if (!isJSON(data)) return 'malformed';
  const event = JSON.parse(data);
  if (typeof event?.content === 'string') return 'content';
  return event?.error ? 'error' : 'other';
}
