// The control API, by which tests inject faults, advance the clock and read the
// journal, and this page shows and does the same.

import { call, found, loadCatalog } from './api.js';
import { EventParser } from './sse.js';

const slice = 8; // milliseconds of reading before the browser gets its turn
const piece = 8192; // characters that are read at once
const browserTurn = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => { setTimeout(resolve); });
const advanceWait = 30_000; // milliseconds: an advance of the clock waits for deliveries

export class Control {
  #path;
  #token;

  /** {path, token} as the catalog has them. */
  constructor({ path, token }) {
    this.#path = path;
    this.#token = token;
  }

  #authorization() { return ['Authorization', `Bearer ${this.#token}`]; }

  #call(method, path, body, wait) {
    return call(this.#path + path, {
      method, wait,
      headers: [this.#authorization(), ...(body === undefined ? [] : [['Content-Type', 'application/json']])],
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  /** A request of the journal with its headers and bodies; undefined if it was dropped. */
  async request(id) {
    const { requests } = await this.#call('GET', `/requests?${new URLSearchParams({ request_id: id })}`);
    return requests[0];
  }

  clock() { return this.#call('GET', '/clock'); }
  advance(duration) { return this.#call('POST', '/clock', { advance: duration }, advanceWait); }
  faults() { return this.#call('GET', '/faults'); }
  arm(fault) { return this.#call('POST', '/faults', fault); }
  clearFaults() { return this.#call('DELETE', '/faults'); }
  agents() { return this.#call('GET', '/agents'); }
  deploy(agent) { return this.#call('POST', '/agents', agent); }
  resetAgents() { return this.#call('DELETE', '/agents'); }
  setOffline(offline) { return this.#call('POST', '/config', { offline }); }

  /**
   * Follows the journal: take(request) is called for the latest requests, at most limit
   * of them, and for each that comes or changes; opened() once it is followed. It ends
   * with the connection or by the signal, and returns why, in words; null if the page is
   * signed out.
   */
  async follow(limit, take, opened, signal) {
    let response;
    try {
      response = await fetch(`${this.#path}/requests/follow?limit=${limit}`, { headers: [this.#authorization()], cache: 'no-store', signal });
    } catch {
      return 'The server does not answer.';
    }
    if (response.status === 401) {
      const { status } = await loadCatalog().catch((error) => error); // a 401 to the page's own call tells the page
      if (status === 401) return null;
    }
    if (!response.ok) {
      return response.status === 403 ? 'The control API answers to its own machine only: start the server with -control-from any.'
        : `The journal cannot be read (status ${response.status}).`;
    }
    found();
    opened();
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let turn = performance.now();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (let i = 0; i < value.length; i += piece) {
          for (const data of parser.push(value.slice(i, i + piece))) take(JSON.parse(data));
          if (performance.now() - turn < slice) continue;
          await browserTurn();
          turn = performance.now();
        }
      }
    } catch {
      // The connection was lost.
    }
    return 'The connection was lost.';
  }
}
