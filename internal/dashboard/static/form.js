// The form of an endpoint, generated from its parameters in the catalog.

import { el } from './dom.js';

/** Says what is wrong with a parameter's value, or ''. */
export function problem(parameter, value) {
  if (value === undefined || String(value).trim() === '') {
    return parameter.required ? 'Required.' : '';
  }
  const length = [...String(value)].length; // characters, not UTF-16 units
  if (parameter.max_length && length > parameter.max_length) {
    return `At most ${parameter.max_length.toLocaleString('en')} characters; this has ${length.toLocaleString('en')}.`;
  }
  if (parameter.pattern && !new RegExp(`^(?:${parameter.pattern})$`).test(value)) {
    return `Has to match ${parameter.pattern}.`;
  }
  return '';
}

export class ParameterForm {
  #container;
  #suggestions;
  #fields = [];
  #kept = {}; // values by name, kept when another endpoint is chosen

  /** suggestions: by a parameter's source, a function that returns [{value, label}]. */
  constructor(container, suggestions) {
    this.#container = container;
    this.#suggestions = suggestions;
  }

  show(endpoint) {
    this.#keep();
    this.#fields = endpoint.parameters.map((parameter) => this.#field(parameter));
    const rows = (wanted) => this.#fields.filter(({ parameter }) => (parameter.in === 'header') === wanted).map(({ row }) => row);
    const headers = rows(true);
    this.#container.replaceChildren(...rows(false), headers.length === 0 ? ''
      : el('details', { class: 'more' }, el('summary', {}, 'Headers'), ...headers));
  }

  /** The values by name; what is left empty is left out. */
  values() {
    const values = {};
    for (const { parameter, input } of this.#fields) {
      if (parameter.type === 'boolean') {
        if (input.checked) values[parameter.name] = true;
      } else if (input.value !== '') {
        values[parameter.name] = parameter.type === 'integer' ? Number(input.value) : input.value;
      }
    }
    return values;
  }

  /** Marks what is wrong and returns the first such field, or undefined. */
  check() {
    const values = this.values();
    let first;
    for (const { parameter, input, error } of this.#fields) {
      const text = problem(parameter, values[parameter.name]);
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

  #keep() {
    for (const { parameter, input } of this.#fields) {
      if (parameter.type !== 'boolean') this.#kept[parameter.name] = input.value;
    }
  }

  #field(parameter) {
    const id = `parameter-${parameter.name}`;
    const input = this.#input(parameter, id);
    const hint = el('p', { class: 'hint', id: `${id}-hint` }, parameter.description);
    const error = el('p', { class: 'field-error', id: `${id}-error` });
    input.setAttribute('aria-describedby', `${hint.id} ${error.id}`);
    if (parameter.required) input.setAttribute('aria-required', 'true');
    const label = el('label', { for: id },
      el('code', {}, parameter.name),
      el('span', { class: 'muted' }, parameter.required ? 'required' : 'optional'));
    const row = parameter.type === 'boolean'
      ? el('div', { class: 'field field-check' }, input, label, hint, error)
      : el('div', { class: 'field' }, label, input, hint, error);
    const list = this.#datalist(parameter, id);
    if (list) {
      input.setAttribute('list', list.id);
      row.append(list);
    }
    return { parameter, input, error, row };
  }

  #input(parameter, id) {
    const common = { id, name: parameter.name, autocomplete: 'off', spellcheck: 'false' };
    const value = this.#kept[parameter.name] ?? parameter.default ?? '';
    if (parameter.type === 'boolean') {
      return el('input', { ...common, type: 'checkbox', checked: parameter.default === true });
    }
    if (parameter.options) {
      const select = el('select', common,
        ...(parameter.required ? [] : [el('option', { value: '' }, 'not sent')]),
        ...parameter.options.map((option) => el('option', { value: option }, String(option))));
      select.value = String(value);
      return select;
    }
    const input = el(parameter.multiline ? 'textarea' : 'input', parameter.multiline ? { ...common, rows: 4 } : { ...common, type: 'text' });
    input.value = value;
    return input;
  }

  #datalist(parameter, id) {
    const offered = this.#suggestions[parameter.source]?.() ?? parameter.suggestions?.map((value) => ({ value }));
    if (!offered?.length) return null;
    return el('datalist', { id: `${id}-list` },
      ...offered.map(({ value, label }) => el('option', { value, label })));
  }
}
