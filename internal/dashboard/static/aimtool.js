// The faults that wait for requests, and the form that aims one.

import { byId, el, say } from './dom.js';
import { plain } from './safe.js';

export class AimTool {
  #control;
  #keyring;
  #forms;
  #shown = '';

  constructor(catalog, control, keyring) {
    this.#control = control;
    this.#keyring = keyring;
    this.#forms = catalog.faults;
    byId('aim-faults').append(...catalog.faults.map(({ example, meaning }) => el('option', { value: example }, meaning)));
    const paths = [...new Set(catalog.endpoints.map((e) => `${e.method} ${e.path.replace(/\{\w+\}/g, '{id}')}`))];
    byId('aim-path').append(el('option', { value: '' }, 'Any path'), ...paths.map((path) => el('option', { value: path }, path)));
    keyring.addEventListener('change', () => this.#offerKeys());
    this.#offerKeys();
    byId('aim-fault').addEventListener('input', () => this.#explain());
    this.#explain();
    byId('aim-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId('aim-clear').addEventListener('click', () => this.#do(() => this.#control.clearFaults()));
  }

  async refresh() {
    const waiting = await this.#control.faults().catch(() => null); // what is wrong is told by what follows the journal
    if (waiting) this.#show(waiting);
  }

  /** Arms a fault as the control API takes it; what is wrong with it is thrown. */
  async arm(fault) { this.#show(await this.#control.arm(fault)); }

  /** Opens the form, aimed at requests like one, for a fault to be chosen. */
  choose({ path = '', key = '', agent = '' }) {
    byId('aim-tool').open = true;
    byId('aim-path').value = path;
    byId('aim-key').value = key;
    byId('aim-agent').value = agent;
    byId('aim-fault').scrollIntoView({ block: 'center' });
    byId('aim-fault').focus();
  }

  #offerKeys() {
    const { value } = byId('aim-key');
    const keys = this.#keyring.keys.filter((key) => !key.pasted && key.status === 'active');
    byId('aim-key').replaceChildren(el('option', { value: '' }, 'Any key'),
      ...keys.map((key) => el('option', { value: key.id }, `${plain(key.name)} · ${key.prefix}…`)));
    byId('aim-key').value = keys.some((key) => key.id === value) ? value : '';
  }

  // Says what the fault in the field does.
  #explain() {
    const kind = byId('aim-fault').value.trim();
    const same = (n) => this.#forms.find(({ example }) => example.split(':').slice(0, n).join(':') === kind.split(':').slice(0, n).join(':'));
    const status = /^[45]\d\d(:|$)/.test(kind) ? this.#forms.find(({ example }) => /^5\d\d/.test(example) && example.includes(':') === kind.includes(':')) : null;
    byId('aim-meaning').textContent = kind === '' ? 'A status, or one of the kinds that are offered.' : (same(2) ?? same(1) ?? status)?.meaning ?? '';
  }

  async #submit() {
    const times = byId('aim-times').value.trim();
    const fault = {
      fault: byId('aim-fault').value.trim(), path: byId('aim-path').value, key: byId('aim-key').value, agent: byId('aim-agent').value.trim(),
      ...(times === '' ? {} : { times: Number(times) }),
    };
    await this.#do(() => this.#control.arm(fault), () => {
      byId('aim-fault').value = '';
      this.#explain();
      byId('announcer').textContent = `Armed: ${plain(fault.fault)}.`;
    });
  }

  async #do(call, done) {
    try {
      this.#show(await call());
      say(byId('aim-message'));
      done?.();
    } catch (error) {
      say(byId('aim-message'), String(error), 'bad');
    }
  }

  #show({ faults }) {
    const next = JSON.stringify(faults);
    if (next === this.#shown) return;
    this.#shown = next;
    byId('aim-count').textContent = faults.length === 0 ? 'none armed' : `${faults.length} armed`;
    byId('aim-count').dataset.armed = String(faults.length > 0);
    byId('aim-queue').replaceChildren(...faults.map((fault) => el('li', {}, el('code', {}, plain(fault.fault)), ` ${plain(this.#aimed(fault))}`)));
    byId('aim-clear').hidden = faults.length === 0;
  }

  // For which requests a fault waits, in words.
  #aimed({ path, method, key, agent, nth, times }) {
    return [
      `for ${times === 0 ? 'all requests' : times > 1 ? `the next ${times} requests` : 'the next request'}`,
      path || method ? `to ${path || method}` : '',
      key ? `with ${this.#keyring.get(key)?.name ?? key}` : '',
      agent ? `for ${agent}` : '',
      nth > 1 ? `from number ${nth} on` : '',
    ].filter(Boolean).join(' ');
  }
}
