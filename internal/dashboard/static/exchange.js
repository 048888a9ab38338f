// One request and what came of it, as it happens.

import { EventParser } from './sse.js';
import { kept, restored, send } from './request.js';

const slice = 8; // milliseconds of reading before the browser gets its turn
const piece = 16_384; // characters that are decoded at once
const mostKept = 100_000; // characters of a reply that are kept through a reload

const browserTurn = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => { setTimeout(resolve); });

export class Exchange {
  state = 'waiting'; // then streaming or reading, then done
  sent = new Date();
  status = 0; // none yet, or ever
  statusText = '';
  headers = new Headers();
  body = '';
  bytes = 0;
  events = []; // of a stream: {seconds, kind, data}
  text = ''; // what the events' content adds up to
  note = null; // {text, tone}: what a reader has to know besides
  seconds = 0; // until the last sign, then until the end
  firstByte = 0; // seconds until the head came
  lastSign = performance.now(); // when something came last

  #start = performance.now();
  #changed;
  #finished = false;
  #failed = '';

  /** key: {name, id} of the one used; statusTexts: HTTP/2 sends none; changed is called whenever something has come. */
  constructor(request, endpoint, key, statusTexts, changed) {
    Object.assign(this, { request, endpoint, keyName: key?.name ?? '', keyID: key?.id });
    this.statusTexts = statusTexts;
    this.#changed = changed;
  }

  /** Seconds since it was sent. */
  get elapsed() { return (performance.now() - this.#start) / 1000; }

  /** Roughly what it holds, in characters. */
  get size() { return this.body.length + 2 * this.text.length + (this.request.body?.length ?? 0) + 100 * this.events.length; }

  get ended() { return new Date(this.sent.getTime() + this.seconds * 1000); }

  // Whether its reply is short enough to be kept.
  get #fits() {
    let size = this.body.length + this.text.length;
    return size <= mostKept && this.events.every(({ data }) => {
      size += data.length + 30;
      return size <= mostKept;
    });
  }

  /** What is kept of it through a reload; of a long reply the head only. */
  get record() {
    const { status, statusText, bytes, seconds, firstByte, note, keyName, keyID } = this;
    const fits = this.#fits;
    return {
      endpoint: this.endpoint.id, request: kept(this.request), sent: this.sent.getTime(), headers: [...this.headers],
      status, statusText, bytes, seconds, firstByte, keyName, keyID,
      note: fits ? note : { text: 'The body was too long to keep when the page was reloaded.', tone: 'warn' },
      ...fits ? { body: this.body, text: this.text, events: this.events } : { body: '', text: '', events: [] },
    };
  }

  /** The exchange of a record. */
  static of({ request, sent, headers, keyName, keyID, ...rest }, endpoint) {
    const exchange = new Exchange(restored(request), endpoint, { name: keyName, id: keyID }, {}, () => {});
    return Object.assign(exchange, rest, { endpoint, sent: new Date(sent), headers: new Headers(headers), state: 'done' });
  }

  /** Sends the request and takes in the whole reply. It never throws. */
  async run(signal) {
    try {
      const response = await send(this.request, signal);
      this.status = response.status;
      this.statusText = response.statusText || this.statusTexts[response.status] || '';
      this.headers = response.headers;
      const streams = (response.headers.get('Content-Type') ?? '').startsWith('text/event-stream');
      this.state = streams ? 'streaming' : 'reading';
      this.firstByte = this.elapsed;
      this.#sign();
      if (response.body) await this.#read(response.body.getReader(), streams ? new EventParser() : null);
      if (streams) this.#judge();
    } catch (error) {
      this.#fail(error);
    }
    this.seconds = this.elapsed;
    this.state = 'done';
    this.#changed(this);
  }

  async #read(reader, parser) {
    const decoder = new TextDecoder();
    let turn = performance.now();
    const rest = async () => {
      if (performance.now() - turn < slice) return;
      this.#sign();
      await browserTurn();
      turn = performance.now();
    };
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      this.bytes += value.length;
      const text = decoder.decode(value, { stream: true });
      if (!parser) this.body += text;
      else {
        for (let i = 0; i < text.length; i += piece) {
          for (const data of parser.push(text.slice(i, i + piece))) {
            this.#event(data);
            await rest();
          }
        }
      }
      this.#sign();
      await rest();
    }
  }

  #sign() {
    this.lastSign = performance.now();
    this.seconds = this.elapsed;
    this.#changed(this);
  }

  #event(data) {
    const { kind, content = '' } = understood(data);
    this.text += content;
    if (kind === 'done') this.#finished = true;
    if (kind === 'error') this.#failed = 'The stream reported an error.';
    if (kind === 'malformed') this.#failed = 'An event is not JSON. A client must not skip it, because part of the answer is missing.';
    this.events.push({ seconds: this.elapsed, kind, data });
  }

  // What a stream that has ended was worth.
  #judge() {
    if (!this.#finished) this.#failed ||= 'The stream ended without [DONE]: it was cut off.';
    if (this.#failed) this.note = { text: this.#failed, tone: 'bad' };
  }

  #fail(error) {
    if (error.name === 'AbortError') this.note = { text: 'Stopped by you.', tone: 'warn' };
    else if (this.status) this.note = { text: 'The connection was lost before the reply was complete.', tone: 'bad' };
    else this.note = { text: 'The connection was closed without a reply.', tone: 'bad' };
  }
}

// The kind of an event, and its content if it has some.
function understood(data) {
  if (data === '[DONE]') return { kind: 'done' };
  let event;
  try {
    event = JSON.parse(data);
  } catch {
    return { kind: 'malformed' };
  }
  if (typeof event?.content === 'string') return { kind: 'content', content: event.content };
  return { kind: event?.error ? 'error' : 'other' };
}
