// The Requests view: what programs send, as it comes, the newest first.

import { byId, el } from './dom.js';
import { notation } from './failure.js';
import { Journal } from './journal.js';
import { RequestDetail } from './requestdetail.js';
import { Rows } from './rows.js';
import { plain, visible } from './safe.js';
import { target } from './sent.js';

const longest = 300; // characters of a path in the list

const statuses = {
  '': ['Any', () => true],
  '2xx': ['Succeeded', ({ status }) => status >= 200 && status < 400],
  failed: ['Failed', ({ status, duration_ms: ms }) => status >= 400 || (status === 0 && ms > 0)],
  none: ['No reply', ({ status, duration_ms: ms }) => status === 0 && ms > 0],
};

export class RequestsView {
  #keyring;
  #journal;
  #detail;
  #first;
  #box = byId('journal-list');
  #rows = new Rows(this.#box, (i) => this.#row(this.#at(i), i));
  #filtered = null; // the newest first; null: all
  #inSight = 0; // arrival of the first one in sight
  #chosen = '';
  #paused = false;
  #offered = ''; // the choices of the filters that are there
  #unknown = new Set(); // keys that were asked for
  #asking = false;
  #faults = 0; // how many were played
  #aim;
  #refreshKeys;

  /** first: the FirstMinute; aim: the AimTool; refreshKeys() brings the keyring up to date. */
  constructor({ catalog, control, keyring, first, aim, refreshKeys }) {
    this.#keyring = keyring;
    this.#first = first;
    this.#aim = aim;
    this.#refreshKeys = refreshKeys;
    this.#journal = new Journal(control);
    this.#detail = new RequestDetail({ catalog, control, keyring, aim }, () => this.#close());
    this.#journal.addEventListener('change', () => this.#changed());
    keyring.addEventListener('change', () => this.#changed());
    byId('journal-filters').addEventListener('input', () => this.#filter());
    byId('journal-filters').addEventListener('submit', (event) => event.preventDefault());
    byId('journal-filters').addEventListener('reset', () => setTimeout(() => this.#filter()));
    byId('journal-clear').addEventListener('click', () => {
      this.#journal.clear();
      this.#close();
      byId('requests-title').focus();
    });
    byId('journal-pause').addEventListener('click', () => {
      this.#paused = !this.#paused;
      this.#changed();
    });
    this.#box.addEventListener('scroll', () => { this.#inSight = this.#at(this.#rows.first)?.arrival ?? 0; }, { passive: true });
    this.#box.addEventListener('keydown', (event) => this.#key(event));
    this.#box.addEventListener('click', (event) => {
      const row = event.target.closest('[role=option]');
      if (row) this.#choose(row.dataset.id, true);
    });
    first.addEventListener('sent', ({ detail: id }) => this.#choose(id, true));
    this.#offer();
    this.#changed();
  }

  // What came is shown, unless the list is paused.
  #changed() {
    const { state, size } = this.#journal;
    byId('journal-state').dataset.live = String(state === '' && !this.#paused);
    byId('journal-state').textContent = state || (this.#paused ? 'Paused' : 'Live');
    byId('journal-pause').setAttribute('aria-pressed', String(this.#paused));
    byId('journal-pause').textContent = this.#paused ? 'Resume' : 'Pause';
    this.#first.show({ traffic: size > 0, connected: state === '' });
    for (const id of ['traffic', 'journal']) byId(id).hidden = size === 0;
    if (this.#journal.faults !== this.#faults) this.#aim.refresh();
    this.#faults = this.#journal.faults;
    if (this.#paused) return;
    this.#offer();
    this.#show();
    const chosen = this.#journal.get(this.#chosen);
    if (chosen) this.#detail.changed(chosen);
  }

  #filter() {
    this.#box.scrollTop = 0;
    this.#show();
  }

  // What the filters ask of a request; null if they ask nothing.
  #asked() {
    const path = byId('filter-path').value.trim().toLowerCase();
    const status = byId('filter-status').value;
    const key = byId('filter-key').value;
    const fault = byId('filter-fault').value;
    if (!(path || status || key || fault)) return null;
    const has = statuses[status]?.[1] ?? ((request) => String(request.status) === status);
    return (r) => has(r)
      && (key === '' || (r.key_id ?? 'none') === key)
      && (fault === '' || (fault === 'with') === Boolean(r.fault))
      && (path === '' || `${r.method} ${r.path}?${r.query}`.toLowerCase().includes(path));
  }

  get #count() { return this.#filtered?.length ?? this.#journal.size; }

  // The i-th request of the list, the newest being the first.
  #at(i) { return this.#filtered ? this.#filtered[i] : this.#journal.at(i); }

  // The place of a request that arrived as that number, or of the next older one.
  #place(arrival) {
    const i = this.#filtered ? this.#filtered.findIndex((r) => r.arrival <= arrival) : this.#journal.at(0).arrival - arrival;
    return i < 0 ? this.#count - 1 : i;
  }

  #show() {
    const asked = this.#asked();
    this.#filtered = asked ? this.#journal.filter(asked) : null;
    // Who has scrolled down stays where he is.
    const above = this.#box.scrollTop > 0 && this.#inSight && this.#count > 0 ? this.#place(this.#inSight) - this.#rows.first : 0;
    this.#rows.show(this.#count, { above });
    const { size } = this.#journal;
    const n = (count) => count.toLocaleString('en');
    byId('filter-reset').hidden = !asked;
    byId('journal-count').textContent = asked ? `${n(this.#count)} of ${n(size)}` : `${n(size)} ${size === 1 ? 'request' : 'requests'}`;
    byId('journal-none').hidden = this.#count > 0;
    byId('journal-none').textContent = 'No request is like that.';
    this.#box.hidden = this.#count === 0;
    this.#mark();
  }

  // Offers the statuses and keys that there are as filters.
  #offer() {
    const numbers = this.#journal.values('status').filter((s) => s > 0).sort((a, b) => a - b);
    const keys = this.#journal.values('key_id');
    this.#ask(keys.filter((id) => id && !this.#keyring.get(id)));
    const names = keys.map((id) => (id ? [id, this.#keyName(id)] : ['none', 'No known key'])).sort((a, b) => a[1].localeCompare(b[1]));
    const next = JSON.stringify([numbers, names]);
    if (next === this.#offered) return;
    this.#offered = next;
    options('filter-status', [...Object.entries(statuses).map(([value, [text]]) => [value, text]), ...numbers.map((s) => [String(s), String(s)])]);
    options('filter-key', [['', 'Any'], ...names]);
  }

  // Keys that tests have added are not known yet: one call asks for them all.
  async #ask(unknown) {
    if (this.#asking || unknown.every((id) => this.#unknown.has(id))) return;
    this.#unknown = new Set(unknown);
    this.#asking = true;
    await this.#refreshKeys();
    this.#asking = false;
    this.#changed(); // others may have come
  }

  #keyName(id) { return plain(this.#keyring.get(id)?.name ?? `${id.slice(0, 8)}…`); }

  #row(request, i) {
    const { request_id: id, time, status, method, key_id: key, agent, fault, duration_ms: ms } = request;
    const path = target(request);
    const shown = path.length > longest ? `${path.slice(0, longest)}…` : path;
    const cell = (name, ...content) => el('span', { class: `j-${name}` }, ...content);
    return el('div', {
      class: 'row j-row', role: 'option', id: `request-${id}`, 'data-id': id, 'aria-selected': String(id === this.#chosen), 'data-fault': Boolean(fault),
      'aria-setsize': this.#count, 'aria-posinset': i + 1,
    },
    cell('time', clock(time)), ' ',
    cell('status', el('span', { class: 'badge', 'data-tone': tone(request) }, status ? String(status) : ms > 0 ? 'none' : '…')), ' ',
    cell('method', el('span', { class: 'method', 'data-method': method }, plain(method))), ' ',
    cell('path', el('bdi', {}, ...visible(shown))), ' ',
    cell('key', key ? el('bdi', {}, this.#keyName(key)) : ''), ' ',
    cell('agent', el('bdi', {}, ...visible(agent ?? ''))), ' ',
    cell('fault', fault ? el('span', { class: 'badge', 'data-armed': 'true' }, plain(notation(fault))) : ''), ' ',
    cell('duration', duration(request)));
  }

  #key(event) {
    const step = {
      ArrowDown: 1, ArrowUp: -1, PageDown: this.#rows.page, PageUp: -this.#rows.page, Home: -Infinity, End: Infinity,
    }[event.key];
    if (event.key === 'Enter' && this.#chosen) byId('detail-title').focus();
    if (!step || this.#count === 0) return;
    event.preventDefault();
    const chosen = this.#journal.get(this.#chosen);
    const next = Math.max(0, Math.min(this.#count - 1, (chosen ? this.#place(chosen.arrival) : -1) + step));
    this.#rows.reveal(next);
    this.#choose(this.#at(next).request_id);
  }

  // Opens a request beside the list; byPointer: and brings it into sight.
  #choose(id, byPointer = false) {
    this.#chosen = id;
    byId('journal').dataset.open = 'true';
    this.#detail.open(id, this.#journal.get(id), byPointer);
    this.#rows.show(this.#count);
    this.#mark();
  }

  #close() {
    this.#chosen = '';
    byId('journal').dataset.open = 'false';
    this.#detail.close();
    this.#rows.show(this.#count);
    this.#mark();
    this.#box.focus();
  }

  // Tells which row is chosen, if it is among those that are there.
  #mark() {
    const row = `request-${this.#chosen}`;
    if (byId(row)) this.#box.setAttribute('aria-activedescendant', row);
    else this.#box.removeAttribute('aria-activedescendant');
  }
}

function options(id, list) {
  const { value, selectedOptions: [chosen] } = byId(id);
  byId(id).replaceChildren(...list.map(([option, text]) => el('option', { value: option }, text)));
  if (chosen && !list.some(([option]) => option === value)) byId(id).append(chosen); // what is chosen stays
  byId(id).value = value;
}

/** How a request went: ok, bad or pending. */
export const tone = ({ status, duration_ms: ms, error }) => (status === 0 && ms === 0 ? 'pending' : status > 0 && status < 400 && !error ? 'ok' : 'bad');

/** A time of the server to the millisecond. */
export function clock(time) {
  const date = new Date(time);
  return `${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** How long a request was handled, for people. */
export function duration({ duration_ms: ms }) {
  if (ms === 0) return '…';
  if (ms < 1) return '<1 ms';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}
