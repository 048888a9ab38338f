// What the rate-limit headers say, as a meter and a countdown.

import { el } from './dom.js';
import { visible } from './safe.js';

const longest = 60 * 60; // seconds; a longer Retry-After is told, not counted down

// Seconds until a time of the server's clock, which may be ahead: the reply
// has its time.
function until(time, headers) {
  const now = Date.parse(headers.get('Date') ?? '');
  return Math.max(0, (time - (Number.isNaN(now) ? Date.now() : now)) / 1000);
}

/** Reads X-RateLimit-*; null where a reply has none. reset is in seconds from the reply on. */
export function readRateLimit(headers) {
  const [limit, remaining, reset] = ['Limit', 'Remaining', 'Reset'].map((name) => {
    const value = headers.get(`X-RateLimit-${name}`);
    return value === null ? NaN : Number(value);
  });
  if (!(limit > 0) || !(remaining >= 0)) return null;
  // Documented in seconds, sent in milliseconds by the live service.
  const milliseconds = reset > 1e11 ? reset : reset * 1000;
  return { limit, remaining, reset: reset > 0 ? until(milliseconds, headers) : null };
}

/** Seconds that a Retry-After asks for, as a number or a date; null if neither. */
export function readRetryAfter(headers) {
  const value = headers.get('Retry-After')?.trim();
  if (!value) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : until(date, headers);
}

/** A length of time for people: "7 s", "2 min 5 s", "56,838 years". */
export function duration(seconds) {
  const whole = (n) => Math.floor(n).toLocaleString('en');
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${whole(seconds / 60)} min ${whole(seconds % 60)} s`;
  if (seconds < 2 * 86400) return `${whole(seconds / 3600)} h ${whole(seconds % 3600 / 60)} min`;
  if (seconds < 2 * 365 * 86400) return `${whole(seconds / 86400)} days`;
  return `${whole(seconds / (365.25 * 86400))} years`;
}

/** The meter: what a reply said of its key's window. */
export class RateMeter {
  #root;

  constructor(root) { this.#root = root; }

  show(rate, keyName) {
    this.#root.hidden = rate === null;
    if (rate === null) return;
    const { limit, remaining, reset } = rate;
    this.#root.replaceChildren(
      el('span', { class: 'meter-label' }, 'Rate limit of ', el('bdi', {}, ...visible(keyName || 'this request'))),
      el('meter', {
        min: 0, max: limit, value: remaining, low: limit / 4, high: limit / 2, optimum: limit,
        'aria-label': 'Requests left in the window',
      }),
      el('span', { class: 'meter-text' }, `${remaining} of ${limit} left`),
      reset === null ? null : el('span', { class: 'muted' }, `resets within ${duration(reset)}`),
    );
  }
}

/** The countdown of a 429's Retry-After. */
export class Countdown {
  #root;
  #timer;

  constructor(root) { this.#root = root; }

  stop() {
    clearInterval(this.#timer);
    this.#root.hidden = true;
  }

  /** since: when the reply came. */
  start(seconds, since) {
    this.stop();
    this.#root.hidden = false;
    if (seconds === null) {
      this.#root.replaceChildren('The limit is reached. The server did not say how long to wait.');
      return;
    }
    if (seconds > longest) {
      this.#root.replaceChildren(
        el('strong', {}, `The server asks to wait ${duration(seconds)}.`),
        ' No limit lasts longer than a minute, so this value is a fault of the server. Read it as “later”.',
      );
      return;
    }
    const end = performance.now() + seconds * 1000 - (Date.now() - since);
    const left = el('strong', { role: 'timer' });
    const bar = el('progress', { max: Math.max(seconds, 0.001), 'aria-label': 'Time until the next try' });
    const tick = () => {
      const rest = (end - performance.now()) / 1000;
      if (rest <= 0) {
        clearInterval(this.#timer);
        this.#root.replaceChildren(el('strong', {}, 'Ready to try again.'));
        return;
      }
      left.textContent = `Retry in ${duration(rest)}`;
      bar.value = seconds - rest;
    };
    this.#root.replaceChildren(left, bar);
    tick();
    if (end > performance.now()) this.#timer = setInterval(tick, 200);
  }
}
