// The server's clock: shown, and advanced.

import { byId, say } from './dom.js';
import { duration } from './ratelimit.js';

export class ClockTool {
  #control;
  #ahead = 0; // milliseconds before this browser's clock
  #next = null; // when the next retry is due

  constructor(control) {
    this.#control = control;
    for (const button of document.querySelectorAll('[data-advance]')) {
      button.addEventListener('click', () => this.#advance(button.dataset.advance));
    }
    byId('clock-next').addEventListener('click', () => {
      this.#advance(`${Math.max(1, Math.ceil(this.#next - this.now))}ms`);
    });
    setInterval(() => this.#tick(), 1000);
  }

  /** The server's time. */
  get now() { return Date.now() + this.#ahead; }

  async refresh() {
    const clock = await this.#control.clock().catch(() => null); // what is wrong is told by what follows the journal
    if (clock) this.#take(clock);
  }

  async #advance(by) {
    try {
      const { now, pending } = await this.#control.advance(by);
      byId('announcer').textContent = `The server's clock is at ${new Date(now).toLocaleTimeString()}.`;
      this.#take(await this.#control.clock());
      say(byId('clock-message'), pending > 0 ? `${pending} deliveries to webhooks are still under way.` : '');
    } catch (error) {
      say(byId('clock-message'), String(error), 'bad');
    }
  }

  #take({ now, ahead_ms: ahead, next_retry: next }) {
    this.#ahead = Date.parse(now) - Date.now();
    this.#next = next ? Date.parse(next) : null;
    byId('clock-ahead').hidden = ahead < 500;
    byId('clock-ahead').textContent = `+${duration(Math.round(ahead / 1000))}`;
    byId('clock-next').disabled = !next;
    this.#tick();
  }

  #tick() {
    const now = new Date(this.now);
    byId('clock-now').textContent = now.toLocaleTimeString('en-GB');
    byId('clock-now').dateTime = now.toISOString();
    const wait = this.#next === null ? 0 : (this.#next - this.now) / 1000;
    if (this.#next !== null && wait <= -1) this.refresh(); // it was due
    byId('clock-hint').textContent = this.#next === null ? 'No delivery to a webhook waits for a retry.'
      : `The next retry of a delivery to a webhook is due in ${duration(Math.max(0, wait))}.`;
  }
}
