// The form of an endpoint, generated from its parameters in the catalog.

import { el } from './dom.js';
import { isJSON } from './tokens.js';

/** Says what is wrong with a parameter's value, or ''. */
export function problem(parameter, value) {
  if (value === undefined || String(value).trim() === '') {
    return parameter.required ? 'Required.' : '';
  }
  if (parameter.type === 'json') return isJSON(value) ? '' : 'This is not JSON.';
  if (parameter.type === 'integer' && !/^-?\d+$/.test(value)) return 'Enter a whole number.';
  const length = [...String(value)].length; // characters, not UTF-16 units
  if (parameter.max_length && length > parameter.max_length) {
    return `At most ${parameter.max_length.toLocaleString('en')} characters; this has ${length.toLocaleString('en')}.`;
  }
  if (parameter.pattern && !new RegExp(`^(?:${parameter.pattern})$`).test(value)) {
    return parameter.malformed ?? `Must match ${parameter.pattern}.`;
  }
  return '';
}

export class ParameterForm {
  #container;
  #suggestions;
  #endpoint;
  #fields = [];
  #kept = {}; // by #slot, so that a parameter keeps its value when another endpoint is chosen

  /** suggestions(source) returns what a parameter with that source can be: [{value, label}]. */
  constructor(container, suggestions) {
    this.#container = container;
    this.#suggestions = suggestions;
  }

  show(endpoint) {
    this.kept();
    this.#endpoint = endpoint;
    this.#fields = endpoint.parameters.map((parameter) => this.#field(parameter));
    const rows = (wanted) => this.#fields.filter(({ parameter }) => (parameter.in === 'header') === wanted).map(({ row }) => row);
    const headers = rows(true);
    this.#container.replaceChildren(...rows(false), headers.length === 0 ? ''
      : el('details', { class: 'more' }, el('summary', {}, 'Headers'), ...headers));
    this.suggest();
  }

  /** Offers anew what can be suggested. */
  suggest() {
    for (const { parameter, list } of this.#fields) {
      if (!list) continue;
      const offered = parameter.source ? this.#suggestions(parameter.source) : parameter.suggestions.map((value) => ({ value }));
      list.replaceChildren(...offered.map(({ value, label }) => el('option', { value, label })));
    }
  }

  /** The values by name; what is left empty is left out. A file's value is the File. */
  values() {
    const values = {};
    for (const { parameter, input } of this.#fields) {
      const { name, type } = parameter;
      if (type === 'boolean') {
        if (input.checked) values[name] = true;
      } else if (type === 'file') {
        if (input.files.length > 0) [values[name]] = input.files;
      } else if (input.value !== '') {
        values[name] = type === 'integer' && /^-?\d+$/.test(input.value) ? Number(input.value)
          : type === 'json' && isJSON(input.value) ? JSON.parse(input.value) : input.value;
      }
    }
    return values;
  }

  /** The values that make the body. */
  body() {
    const values = this.values();
    return Object.fromEntries(this.#fields.filter(({ parameter }) => parameter.in === 'body' && values[parameter.name] !== undefined)
      .map(({ parameter }) => [parameter.name, values[parameter.name]]));
  }

  /** Takes up the values of a body that was written by hand. */
  fill(body) { this.set(body, ({ parameter }) => parameter.in === 'body'); }

  /** Makes these the values of the fields, or of some of them, and empties those without one. */
  set(values, which = () => true) {
    for (const { parameter, input } of this.#fields.filter(which)) {
      const value = values[parameter.name];
      if (parameter.type === 'boolean') input.checked = value === true;
      else input.value = value === undefined ? '' : parameter.type === 'json' ? JSON.stringify(value, null, 2) : String(value);
      if (value !== undefined && value !== '') input.closest('details')?.setAttribute('open', '');
    }
  }

  /** Hides the fields of the body, which then are not checked. */
  hideBody(hidden) {
    for (const { parameter, row } of this.#fields) {
      if (parameter.in === 'body') row.hidden = hidden;
    }
  }

  /** All that was typed, for restore. Files cannot be kept. */
  kept() {
    for (const { parameter, input } of this.#fields) {
      if (parameter.type !== 'file') this.#kept[this.#slot(parameter)] = parameter.type === 'boolean' ? input.checked : input.value;
    }
    return { ...this.#kept };
  }

  /** Takes up what was typed before, at the next show. */
  restore(kept) {
    this.#fields = [];
    this.#kept = { ...kept };
  }

  /** Marks what is wrong and returns the first such field, or undefined. */
  check() {
    let first;
    for (const { parameter, input, error, row } of this.#fields) {
      const value = parameter.type === 'boolean' ? 'set' : parameter.type === 'file' ? input.files[0]?.name : input.value;
      const text = row.hidden ? '' : problem(parameter, value);
      error.textContent = text;
      input.setAttribute('aria-invalid', String(text !== ''));
      if (text === '') continue;
      input.closest('details')?.setAttribute('open', '');
      first ??= input;
    }
    return first;
  }

  /** Takes the marks away. */
  clear() {
    for (const { input, error } of this.#fields) {
      error.textContent = '';
      input.removeAttribute('aria-invalid');
    }
  }

  // An id is of one group's objects; a checkbox, a filter and a page are of one
  // endpoint.
  #slot({ name, in: place, type }) {
    if (type === 'boolean' || place === 'query') return `${this.#endpoint.id} ${name}`;
    return place === 'path' ? `${this.#endpoint.group} ${name}` : name;
  }

  #field(parameter) {
    const id = `parameter-${parameter.name}`;
    const input = this.#input(parameter, id);
    const hint = el('p', { class: 'hint', id: `${id}-hint` }, parameter.description);
    const error = el('p', { class: 'field-error', id: `${id}-error` });
    input.setAttribute('aria-describedby', `${hint.id} ${error.id}`);
    if (parameter.required) input.setAttribute('aria-required', 'true');
    const label = el('label', { for: id },
      el('code', {}, parameter.name), ' ',
      el('span', { class: 'muted' }, parameter.required ? 'required' : 'optional'));
    const row = parameter.type === 'boolean'
      ? el('div', { class: 'field field-check' }, input, label, hint, error)
      : el('div', { class: 'field' }, label, input, hint, error);
    const list = parameter.source || parameter.suggestions ? el('datalist', { id: `${id}-list` }) : null;
    if (list) {
      input.setAttribute('list', list.id);
      row.append(list);
    }
    return { parameter, input, error, row, list };
  }

  #input(parameter, id) {
    const common = { id, name: parameter.name, autocomplete: 'off', spellcheck: 'false' };
    const kept = this.#kept[this.#slot(parameter)];
    if (parameter.type === 'boolean') {
      return el('input', { ...common, type: 'checkbox', checked: kept ?? parameter.default === true });
    }
    if (parameter.type === 'file') return el('input', { ...common, type: 'file', accept: parameter.accept });
    const value = kept ?? parameter.default ?? '';
    if (parameter.options) {
      const select = el('select', common,
        ...(parameter.required ? [] : [el('option', { value: '' }, 'not sent')]),
        ...parameter.options.map((option, i) => el('option', { value: option }, parameter.meanings ? `${option}: ${parameter.meanings[i]}` : String(option))));
      select.value = String(value);
      return select;
    }
    const tall = parameter.multiline || parameter.type === 'json';
    const input = el(tall ? 'textarea' : 'input', tall ? { ...common, rows: parameter.type === 'json' ? 8 : 3, class: parameter.type === 'json' ? 'raw' : null }
      : { ...common, type: 'text', inputmode: parameter.type === 'integer' ? 'numeric' : null });
    input.value = value;
    return input;
  }
}
