// How a request's body is written: by a form, or as it is.

import { byId } from './dom.js';
import { isJSON } from './tokens.js';

export class BodyEditor {
  #form;
  #endpoint;
  #asIs = false;
  #text = byId('raw-body');
  #message = byId('raw-message');

  /** form: the endpoint's ParameterForm; changed() is called when the other way is chosen. */
  constructor(form, changed) {
    this.#form = form;
    byId('body-forms').addEventListener('change', (event) => {
      this.#asIs = event.target.value === 'raw';
      if (this.#asIs) this.#text.value = JSON.stringify(form.body(), null, 2);
      else form.fill(parsed(this.#text.value) ?? {});
      this.#show();
      changed();
    });
  }

  /** The body as it was written; undefined where the form makes it. */
  get raw() { return this.#asIs && this.#hasBody ? this.#text.value : undefined; }

  get #hasBody() { return this.#endpoint.parameters.some((p) => p.in === 'body'); }

  choose(endpoint) {
    this.#endpoint = endpoint;
    this.#form.show(endpoint);
    if (this.#asIs) this.#text.value = JSON.stringify(this.#form.body(), null, 2);
    this.#show();
  }

  /** Takes up a body that was written before or elsewhere; undefined: the form makes it. */
  write(raw) {
    this.#asIs = raw !== undefined;
    this.#text.value = raw ?? '';
    this.#show();
  }

  /** Marks what is wrong and returns the first such field, or undefined. */
  check() {
    const wrong = this.#form.check();
    const broken = this.raw !== undefined && !isJSON(this.raw);
    this.#message.textContent = broken ? 'This is not JSON.' : '';
    this.#text.setAttribute('aria-invalid', String(broken));
    return broken ? this.#text : wrong;
  }

  /** Takes the marks away. */
  clear() {
    this.#form.clear();
    this.#message.textContent = '';
    this.#text.removeAttribute('aria-invalid');
  }

  #show() {
    byId('body-forms').hidden = !this.#hasBody;
    byId('body-forms').querySelector(`[value=${this.#asIs ? 'raw' : 'form'}]`).checked = true;
    byId('raw-field').hidden = this.raw === undefined;
    this.#form.hideBody(this.raw !== undefined);
    this.clear();
  }
}

function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
