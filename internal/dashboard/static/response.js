// The reply of an exchange: status, headers, body; a stream's text and events
// as they arrive, painted once a frame.

import { byId, el } from './dom.js';
import { EventList } from './events.js';
import { Countdown, RateMeter, readRateLimit, readRetryAfter } from './ratelimit.js';
import { Reader } from './reader.js';
import { plain, visible } from './safe.js';
import { masked } from './secrets.js';

const patience = 5; // seconds without a sign before that is told

/** Fires "shown" when it shows another exchange, or the end of its own. */
export class ResponseView extends EventTarget {
  #exchange = null;
  #frame = 0;
  #shown = {}; // what of the exchange has been painted
  #text = new Reader(byId('response-text'), { tools: true });
  #body = new Reader(byId('response-body'), { tools: true });
  #headers = new Reader(byId('response-headers'));
  #events = new EventList();
  #meter = new RateMeter(byId('rate-meter'));
  #countdown = new Countdown(byId('countdown'));

  constructor() {
    super();
    setInterval(() => this.#tick(), 500);
    byId('response-reveal').addEventListener('click', () => this.#showBody(byId('response-reveal').getAttribute('aria-pressed') !== 'true'));
  }

  get exchange() { return this.#exchange; }

  /** Shows an exchange, or that there is none. */
  show(exchange) {
    this.#exchange = exchange;
    this.#shown = { characters: 0 };
    this.#countdown.stop();
    this.#text.set('');
    this.#events.show([]);
    for (const id of ['response-head', 'response-body', 'response-reveal', 'response-stream', 'rate-meter']) byId(id).hidden = true;
    if (exchange) {
      this.#paint();
      return;
    }
    byId('response').dataset.state = 'idle';
    byId('response-time').textContent = '';
    this.#status('', 'Nothing sent yet.', 'pending');
    this.#note(null);
    this.dispatchEvent(new Event('shown'));
  }

  /** To be called when an exchange has changed. */
  changed(exchange) {
    if (exchange !== this.#exchange) return;
    if (exchange.state === 'done') this.#paint();
    else this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { state, events, text } = this.#exchange;
    if (state !== this.#shown.state) this.#enter(state);
    if (events.length > 0) {
      if (text.length > this.#shown.characters) this.#text.append(text.slice(this.#shown.characters));
      this.#shown.characters = text.length;
      this.#events.show(events);
    }
    this.#tick();
  }

  // What is painted once in a state, and need not be again.
  #enter(state) {
    const { status, statusText, headers, note } = this.#exchange;
    this.#shown.state = state;
    byId('response').dataset.state = state;
    this.#note(note);
    this.dispatchEvent(new Event('shown'));
    if (status) this.#status(status, statusText, status < 400 ? 'ok' : 'bad');
    else if (state === 'done') this.#status('—', note?.tone === 'warn' ? 'Stopped' : 'No reply', note?.tone === 'warn' ? 'pending' : 'bad');
    else this.#status('…', 'Waiting for the reply', 'pending');
    if (!status) return;
    byId('response-head').hidden = false;
    this.#headers.set([...headers].map(([name, value]) => `${name}: ${value}`).join('\n'), 'headers');
    this.#meter.show(readRateLimit(headers), this.#exchange.keyName);
    byId('response-stream').hidden = state !== 'streaming' && this.#exchange.events.length === 0;
    if (state === 'done') this.#finish();
  }

  #finish() {
    const { status, headers, body, events, ended } = this.#exchange;
    if (status === 429) this.#countdown.start(readRetryAfter(headers), ended);
    if (events.length > 0 || byId('response-stream').hidden === false) return;
    byId('response-body').hidden = false;
    this.#showBody(false);
    byId('response-body').classList.toggle('is-empty', body === '');
  }

  // Shows the body; keys and secrets in it only when that is wished.
  #showBody(revealed) {
    const { body } = this.#exchange;
    const reveal = byId('response-reveal');
    reveal.hidden = masked(body) === body;
    reveal.setAttribute('aria-pressed', String(revealed));
    reveal.textContent = revealed ? 'Hide secrets' : 'Reveal secrets';
    this.#body.set(revealed ? body : masked(body), 'json');
  }

  #status(number, text, tone) {
    const status = byId('response-status');
    status.dataset.tone = tone;
    status.replaceChildren(...(number === '' ? [] : [el('strong', {}, String(number)), ' ']), ...visible(text));
  }

  // The time that runs, and the silence that has lasted long.
  #tick() {
    if (!this.#exchange) return;
    const { state, elapsed, seconds, firstByte, events, bytes, lastSign, status } = this.#exchange;
    const amount = events.length > 0 ? `${events.length.toLocaleString('en')} events` : `${bytes.toLocaleString('en')} bytes`;
    byId('response-time').textContent = (state === 'done'
      ? [status ? `first byte ${firstByte.toFixed(3)} s` : '', `total ${seconds.toFixed(3)} s`, status ? amount : '']
      : [`${elapsed.toFixed(1)} s`, events.length > 0 ? amount : '']).filter(Boolean).join(' · ');
    if (state === 'done') return;
    const silence = (performance.now() - lastSign) / 1000;
    this.#note(silence < patience ? null : {
      text: `Nothing has arrived for ${Math.floor(silence)} s. Stop ends the wait.`, tone: 'warn',
    });
  }

  #note(note) {
    const region = byId('response-note');
    region.textContent = note?.text ?? '';
    region.dataset.tone = note?.tone ?? '';
    region.hidden = !note;
  }
}

/** What to tell those who do not see the page of a reply that is there. */
export function told({ status, statusText, note }) {
  const outcome = status ? `${status} ${plain(statusText)}` : 'none';
  return `Reply: ${outcome}.${note ? ` ${note.text}` : ''}`;
}
