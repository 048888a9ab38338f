// The journal of the server, followed: the latest requests that programs have sent.

const most = 10_000; // requests
const spare = 1000; // more of them, before the oldest are dropped
const pace = 100; // milliseconds between two events
const pauses = [500, 1000, 2000, 5000]; // milliseconds before another try to follow

/** Fires "change", at most every tenth of a second, when requests came or changed, or state did. */
export class Journal extends EventTarget {
  /** '' while it is followed; else why it is not, in words. */
  state = 'Connecting…';
  arrived = 0; // requests
  faults = 0; // of them have met one

  #control;
  #list = []; // in the order of arrival
  #byId = new Map();
  #clearedUntil = 0;
  #fired = 0; // when
  #timer = 0;
  #hidden; // aborted when the page is

  constructor(control) {
    super();
    this.#control = control;
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.#hidden?.abort(); });
    this.#follow();
  }

  get size() { return Math.min(this.#list.length, most); }

  /** The i-th request, the newest being the first; arrival is its number among all that arrived. */
  at(i) { return this.#list[this.#list.length - 1 - i]; }

  get(id) { return this.#byId.get(id); }

  /** The requests for which is returns true, the newest first. */
  filter(is) {
    const found = [];
    for (let i = 0; i < this.size; i += 1) {
      if (is(this.at(i))) found.push(this.at(i));
    }
    return found;
  }

  /** The distinct values that a field has in the requests. */
  values(field) { return [...new Set(this.#list.slice(-most).map((request) => request[field]))]; }

  /** Forgets what has come so far. */
  clear() {
    if (this.size > 0) this.#clearedUntil = Date.parse(this.at(0).time);
    this.#list = [];
    this.#byId.clear();
    this.#changed();
  }

  // A hidden page does not follow: with HTTP/1.1 a browser has six connections to a host.
  async #follow() {
    for (let tries = 0; ; tries += 1) {
      if (document.hidden) await new Promise((resolve) => { document.addEventListener('visibilitychange', resolve, { once: true }); });
      const { signal } = this.#hidden = new AbortController();
      const why = await this.#control.follow(most, (request) => this.#take(request), () => {
        tries = 0;
        this.#is('');
      }, signal);
      if (why === null) return;
      if (signal.aborted) continue;
      this.#is(`${why} Trying again…`);
      await new Promise((resolve) => { setTimeout(resolve, pauses[Math.min(tries, pauses.length - 1)]); });
    }
  }

  #is(state) {
    if (state === this.state) return;
    this.state = state;
    this.#changed();
  }

  #take(request) {
    const known = this.#byId.get(request.request_id);
    if (request.fault && !known?.fault) this.faults += 1;
    if (known) Object.assign(known, request);
    else if (Date.parse(request.time) <= this.#clearedUntil) return;
    else this.#add(request);
    this.#changed();
  }

  #add(request) {
    this.arrived += 1;
    request.arrival = this.arrived;
    this.#list.push(request);
    this.#byId.set(request.request_id, request);
    if (this.#list.length < most + spare) return;
    for (const { request_id: id } of this.#list.splice(0, spare)) this.#byId.delete(id);
  }

  #changed() {
    this.#timer ||= setTimeout(() => requestAnimationFrame(() => {
      this.#timer = 0;
      this.#fired = performance.now();
      this.dispatchEvent(new Event('change'));
    }), Math.max(0, this.#fired + pace - performance.now()));
  }
}
