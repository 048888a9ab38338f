// A box to read a text in, however long: rows in a window, and on request
// tools to indent, wrap, search and copy it.

import { byId, el } from './dom.js';
import { copies } from './clipboard.js';
import { Lines } from './lines.js';
import { paint } from './paint.js';
import { Rows } from './rows.js';
import { indented, isJSON, tokens } from './tokens.js';

const mostHits = 10_000;
const longestPretty = 2_000_000; // characters; longer JSON is shown as it came

export class Reader {
  #lines = new Lines();
  #rows;
  #box = el('div', { class: 'rows code', tabindex: '0', role: 'group' });
  #raw = '';
  #language = '';
  #tokens = [];
  #hits = [];
  #hit = -1;
  #pretty = true;
  #wrapped = true;
  #columns = 0;
  #buttons = {};
  #search;
  #found;

  /** tools: whether there are buttons and a search. */
  constructor(root, { tools = false } = {}) {
    const label = root.dataset.label;
    this.#box.setAttribute('aria-label', label);
    if (tools) root.append(this.#tools(label));
    root.append(this.#box);
    this.#rows = new Rows(this.#box, (i) => {
      const [from, to] = this.#lines.row(i);
      return el('div', { class: 'row' }, ...paint(this.#lines.text, from, to, this.#tokens, this.#hits, this.#hits[this.#hit]));
    });
    new ResizeObserver(() => this.#measure()).observe(this.#box);
  }

  /** Shows a text; language as in tokens.js, or json to find out. */
  set(text, language = '') {
    this.#raw = text;
    this.#language = language;
    this.#box.scrollTop = 0;
    this.#show();
  }

  /** Adds to the end, and stays there if that was in sight. */
  append(text) {
    this.#raw += text;
    this.#lines.append(text);
    this.#rows.show(this.#lines.count, { follow: true });
  }

  #show() {
    const json = this.#language === 'json' && this.#raw.length <= longestPretty && isJSON(this.#raw);
    this.#lines.wrap(this.#wrapped ? this.#columns : 0);
    this.#lines.set(json && this.#pretty ? indented(this.#raw) : this.#raw);
    this.#tokens = this.#language === 'json' && !json ? [] : tokens(this.#lines.text, this.#language);
    if (this.#buttons.pretty) this.#buttons.pretty.hidden = !json;
    this.#find();
  }

  // The columns that fit, from the width of a character.
  #measure() {
    const probe = el('span', { class: 'probe' }, '0'.repeat(100));
    this.#box.append(probe);
    const one = probe.getBoundingClientRect().width / 100;
    probe.remove();
    const style = getComputedStyle(this.#box);
    const inside = this.#box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const columns = Math.max(10, Math.floor(inside / (one || 8)));
    if (inside <= 0 || columns === this.#columns) return;
    this.#columns = columns;
    if (!this.#wrapped) return;
    this.#lines.wrap(columns);
    this.#rows.show(this.#lines.count);
  }

  #tools(label) {
    const toggle = (text, on, change) => {
      const button = el('button', { type: 'button', class: 'small quiet', 'aria-pressed': String(on) }, text);
      button.addEventListener('click', () => {
        const pressed = button.getAttribute('aria-pressed') !== 'true';
        button.setAttribute('aria-pressed', String(pressed));
        change(pressed);
        this.#show();
      });
      return button;
    };
    this.#buttons = {
      pretty: toggle('Pretty', this.#pretty, (on) => { this.#pretty = on; }),
      wrap: toggle('Wrap', this.#wrapped, (on) => { this.#wrapped = on; }),
      copy: el('button', { type: 'button', class: 'small quiet' }, 'Copy'),
    };
    copies(this.#buttons.copy, () => (this.#pretty ? this.#lines.text : this.#raw), () => 'Copy');
    this.#search = el('input', { type: 'search', class: 'small', placeholder: 'Search', 'aria-label': `Search: ${label}`, autocomplete: 'off', spellcheck: 'false' });
    this.#found = el('span', { class: 'muted found' });
    this.#search.addEventListener('input', () => this.#find());
    this.#search.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        event.preventDefault();
        this.#go(event.shiftKey ? -1 : 1);
      } else if (event.key === 'Escape' && this.#search.value !== '') {
        event.stopPropagation(); // it clears the search and stops nothing
      }
    });
    return el('div', { class: 'reader-tools' }, ...Object.values(this.#buttons), this.#search, this.#found);
  }

  // Finds what is searched for, letter case aside.
  #find() {
    const wanted = this.#search?.value ?? '';
    this.#hits = [];
    if (wanted !== '') {
      const pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\/]/g, (c) => `\\${c}`), 'giu');
      for (const match of this.#lines.text.matchAll(pattern)) {
        this.#hits.push({ start: match.index, end: match.index + match[0].length });
        if (this.#hits.length === mostHits) break;
      }
    }
    this.#hit = -1;
    this.#go(1);
    if (wanted !== '') byId('announcer').textContent = `${this.#hits.length} found`;
  }

  #go(step) {
    const n = this.#hits.length;
    if (n > 0) this.#hit = (this.#hit + step + n) % n;
    if (this.#found) this.#found.textContent = this.#search.value === '' ? '' : n === 0 ? 'not found' : `${this.#hit + 1} of ${n.toLocaleString('en')}`;
    this.#rows.show(this.#lines.count);
    if (n > 0) this.#rows.reveal(this.#lines.rowAt(this.#hits[this.#hit].start));
  }
}
