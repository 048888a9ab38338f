// A request of the journal in full: what came, what was answered, and why.

import { byId, el, say } from './dom.js';
import { copies } from './clipboard.js';
import { EventList } from './events.js';
import { eventsOf, isStream, notation, outcome } from './failure.js';
import { openPlayground } from './openplayground.js';
import { Reader } from './reader.js';
import { asHTTP } from './requestview.js';
import { clock, duration, tone } from './requests.js';
import { plain, visible } from './safe.js';
import { aimedLike, asItCame, asProgram, incomplete, onTheWire, target } from './sent.js';
import { languages } from './snippets.js';
import { indented, isJSON } from './tokens.js';

const again = 500; // milliseconds between looks at a reply that is under way
const longest = 120; // characters of a path in the title

export class RequestDetail {
  #catalog;
  #control;
  #keyring;
  #aim;
  #id = '';
  #request = null; // whole
  #stamp = ''; // of what is shown
  #form = 'http';
  #timer;
  #code = new Reader(byId('detail-request'));
  #response = new Reader(byId('detail-response'), { tools: true });
  #events = new EventList('detail-');

  /** aim: the AimTool; closed() is called when the request is closed from here. */
  constructor({ catalog, control, keyring, aim }, closed) {
    this.#catalog = catalog;
    this.#control = control;
    this.#keyring = keyring;
    this.#aim = aim;
    const forms = { http: { label: 'HTTP' }, ...languages };
    byId('detail-forms').append(...Object.entries(forms).map(([name, { label }]) => el('label', {},
      el('input', { type: 'radio', name: 'detail-form', value: name, checked: name === this.#form }), el('span', {}, label))));
    byId('detail-forms').addEventListener('change', (event) => {
      this.#form = event.target.value;
      this.#showRequest();
    });
    copies(byId('detail-copy'), () => this.#text(), () => this.#copyLabel());
    byId('detail-close').addEventListener('click', closed);
    byId('detail').addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !event.defaultPrevented) closed();
    });
    byId('detail-resend').addEventListener('click', () => this.#resend());
    byId('detail-repeat').addEventListener('click', () => this.#repeat());
  }

  /** Opens a request, of which known is what the list has; byPointer: and brings it into sight. */
  open(id, known, byPointer) {
    if (id !== this.#id) {
      this.#id = id;
      this.#request = null;
      this.#stamp = '';
      say(byId('detail-message'));
      byId('detail').hidden = false;
      byId('detail').setAttribute('aria-busy', 'true');
      if (known) this.#head(known);
      this.#load(known ? 80 : 0); // who walks through the list opens the last only
    }
    if (byPointer && byId('detail').getBoundingClientRect().top > innerHeight * 0.7) byId('detail').scrollIntoView();
  }

  close() {
    clearTimeout(this.#timer);
    this.#id = '';
    byId('detail').hidden = true;
  }

  /** Takes up what the list has of the request that is open, if it is another than what is shown. */
  changed(known) {
    if (known.request_id === this.#id && this.#request && step(known) !== step(this.#request)) this.#load(0);
  }

  #load(after) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const id = this.#id;
      try {
        const request = await this.#control.request(id);
        if (id !== this.#id) return;
        if (!request) {
          say(byId('detail-message'), 'The server does not have this request any more: its journal was emptied.', 'warn');
          return;
        }
        this.#request = request;
        this.#show();
        if (request.duration_ms === 0) this.#load(again); // its reply grows
      } catch (error) {
        if (id === this.#id) say(byId('detail-message'), String(error), 'bad');
      } finally {
        byId('detail').setAttribute('aria-busy', 'false');
      }
    }, after);
  }

  // What the list has already.
  #head(request) {
    const { method, status, duration_ms: ms } = request;
    const path = target(request);
    byId('detail-title').replaceChildren(el('span', { class: 'method', 'data-method': method }, plain(method)), ' ',
      el('bdi', { class: 'detail-path' }, ...visible(path.length > longest ? `${path.slice(0, longest)}…` : path)));
    byId('detail-status').dataset.tone = tone(request);
    byId('detail-status').replaceChildren(...(status ? [el('strong', {}, String(status)), ` ${this.#catalog.status_texts[status] ?? ''}`]
      : [ms > 0 ? 'No reply' : 'Waiting for the reply']));
  }

  #show() {
    const request = this.#request;
    if (stamp(request) === this.#stamp) return; // a selection in it stays
    this.#stamp = stamp(request);
    this.#head(request);
    const { reasons, repeat } = outcome(request);
    byId('detail-why').hidden = reasons.length === 0;
    byId('detail-why').dataset.tone = tone(request) === 'bad' ? 'bad' : '';
    byId('detail-why').replaceChildren(...reasons.map((reason) => el('li', {}, ...visible(reason))));
    byId('detail-repeat').title = repeat ? `Arms ${plain(repeat)} for a request like this` : '';
    this.#facts();
    this.#showRequest();
    this.#showResponse();
  }

  #facts() {
    const { time, key_id: key, agent, fault, request_id: id } = this.#request;
    const facts = {
      Time: [clock(time)],
      Duration: [duration(this.#request)],
      Key: [el('bdi', {}, ...visible(this.#keyring.get(key)?.name ?? key ?? 'none that the server knows'))],
      Agent: [el('bdi', {}, ...visible(agent ?? 'none ran'))],
      Fault: fault ? [el('code', {}, ...visible(notation(fault)))] : null,
      'Request id': [el('code', {}, id)],
    };
    byId('detail-facts').replaceChildren(...Object.entries(facts).filter(([, shown]) => shown)
      .map(([name, shown]) => el('div', {}, el('dt', {}, name), el('dd', {}, ...shown))));
  }

  #showRequest() {
    if (!this.#request) return;
    byId('detail-copy').textContent = this.#copyLabel();
    this.#code.set(this.#text(), this.#form);
    say(byId('detail-incomplete'), incomplete(this.#request));
  }

  #copyLabel() { return this.#form === 'http' ? 'Copy request' : `Copy as ${languages[this.#form].label}`; }

  #text() {
    if (this.#form === 'http') return asHTTP(asItCame(this.#request));
    return languages[this.#form].write(asProgram(this.#request, this.#catalog.base_path));
  }

  #showResponse() {
    const { status, reply, reply_headers: headers = {}, reply_omitted: omitted } = this.#request;
    const stream = isStream(this.#request);
    const lines = Object.entries(headers).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
    const body = isJSON(reply) ? indented(reply) : reply;
    this.#response.set(status ? `${[`HTTP ${status} ${this.#catalog.status_texts[status] ?? ''}`.trim(), ...lines].join('\n')}${body ? `\n\n${body}` : ''}` : '', 'http');
    byId('detail-response').hidden = status === 0;
    byId('detail-stream').hidden = !stream;
    this.#events.show(stream ? eventsOf(this.#request) : []);
    byId('detail-response-events').scrollTop = 0; // not to its end, as where it is read live
    say(byId('detail-omitted'), omitted ? `The journal has the first ${reply.length.toLocaleString('en')} characters: ${omitted.toLocaleString('en')} bytes more were sent.` : '');
  }

  #resend() {
    if (!this.#request) return;
    const { method, path, query, headers, body, key_id: keyID } = this.#request;
    openPlayground({ method, path: onTheWire(path), query, headers, body, keyID });
    byId('send').focus();
  }

  // Arms the failure of this request for the next one like it, or leads to where one is
  // chosen.
  async #repeat() {
    if (!this.#request) return;
    const { repeat } = outcome(this.#request);
    const aim = aimedLike(this.#request, this.#catalog);
    if (!repeat) {
      this.#aim.choose(aim);
      return;
    }
    try {
      await this.#aim.arm({ fault: repeat, ...aim });
      say(byId('detail-message'), `Armed: ${plain(repeat)} for the next request like this.`);
    } catch (error) {
      say(byId('detail-message'), String(error), 'bad');
    }
  }
}

// How far a request is, and what it is shown anew by.
const step = ({ request_id: id, status, duration_ms: ms, agent, fault }) => JSON.stringify([id, status, ms, agent, fault]);
const stamp = (request) => step(request) + request.reply.length;
