// The choice of a key in the playground.

import { byId, el, say } from './dom.js';
import { plain } from './safe.js';

const pasteOption = 'paste';
const mostListed = 20; // keys that the page does not hold

export class KeyChoice {
  #keyring;
  #pattern;
  #changed;
  #select = byId('key');
  #pasting = false; // whether a key that is not held is wanted

  /** pattern: of a key, as a regular expression; changed() is called when another key is in use. */
  constructor(keyring, pattern, changed) {
    this.#keyring = keyring;
    this.#pattern = new RegExp(`^(?:${pattern})$`);
    this.#changed = changed;
    keyring.addEventListener('change', () => this.use(this.#select.value));
    this.#select.addEventListener('change', () => {
      this.#pasting = this.#select.value === pasteOption;
      this.#showPaste();
      changed();
    });
    byId('paste-use').addEventListener('click', () => this.#paste());
    byId('paste-value').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.#paste();
    });
    this.use();
  }

  /** The key in use, or undefined. */
  get key() { return this.#keyring.get(this.#select.value); }

  /** Makes a key the one in use, or the first one if there is none by that id. */
  use(id) {
    const label = ({ name, prefix, tier, status }) => [
      plain(name), tier ? `${tier} RPM` : null, `${prefix}…`, status === 'active' ? null : status,
    ].filter(Boolean).join(' · ');
    const held = this.#keyring.keys.filter((key) => key.secret);
    const listed = this.#keyring.keys.filter((key) => !key.secret && key.status === 'active');
    this.#select.replaceChildren(
      ...held.map((key) => el('option', { value: key.id }, label(key))),
      el('option', { value: pasteOption }, 'Paste a key…'),
      ...(listed.length === 0 ? [] : [el('optgroup', { label: 'Other keys: paste one to use it' },
        ...listed.slice(0, mostListed).map((key) => el('option', { value: key.id, disabled: true }, label(key))),
        ...(listed.length > mostListed ? [el('option', { disabled: true }, `and ${(listed.length - mostListed).toLocaleString('en')} more`)] : []))]));
    const first = held.find((key) => key.status === 'active') ?? held[0];
    const pick = held.find((key) => key.id === id) ?? (id === pasteOption && this.#pasting ? null : first);
    this.#pasting &&= !pick;
    this.#select.value = pick?.id ?? pasteOption;
    this.#showPaste();
    this.#changed();
  }

  /** Makes a key the one in use, or asks for it if the page knows it and does not hold it. */
  want(id) {
    const key = this.#keyring.get(id);
    if (key?.secret) this.use(id);
    if (!key || key.secret) return;
    this.#pasting = true;
    this.use(pasteOption);
    say(byId('key-message'), `This request was sent with the key ${plain(key.name)}. Paste the full key, or choose another one.`, 'bad');
  }

  /** Says that a key is missing, and leads to where one is chosen. */
  ask() {
    say(byId('key-message'), 'Choose or paste a key: this endpoint needs an API key.', 'bad');
    (byId('paste').hidden ? this.#select : byId('paste-value')).focus();
  }

  #showPaste() {
    byId('paste').hidden = this.#select.value !== pasteOption;
    say(byId('paste-message'));
    say(byId('key-message'));
  }

  #paste() {
    const secret = byId('paste-value').value.trim();
    if (!this.#pattern.test(secret)) {
      say(byId('paste-message'), 'A full key is clw_ and 32 letters or digits.', 'bad');
      return;
    }
    byId('paste-value').value = '';
    this.use(this.#keyring.paste(secret, 'Pasted key'));
    this.#select.focus();
  }
}
