// The first minute: what this server is, and a first request to it.

import { byId, el, say } from './dom.js';
import { copies } from './clipboard.js';
import { Reader } from './reader.js';
import { buildRequest, send } from './request.js';
import { masked } from './secrets.js';
import { curl } from './snippets/curl.js';
import { byHTTP } from './snippets/gohttp.js';
import { javascript } from './snippets/javascript.js';
import { python } from './snippets/python.js';
import { certificateFile, keyVariable, selfSigned, shell } from './snippets/words.js';

// Each as it is pasted into a terminal.
const languages = {
  curl: { label: 'curl', write: curl },
  go: { label: 'Go', write: (request) => `cat > first.go <<'END'\n${byHTTP(request)}END\ngo run first.go` },
  python: { label: 'Python', write: (request) => `python3 - <<'END'\n${python(request)}END` },
  javascript: {
    label: 'JavaScript',
    write: (request) => `${selfSigned(request) ? `export NODE_EXTRA_CA_CERTS=${shell(certificateFile())}\n` : ''}node --input-type=module - <<'END'\n${javascript(request)}END`,
  },
};

/** Fires "sent" with the id of the request that was sent from here in detail. */
export class FirstMinute extends EventTarget {
  #request;
  #key;
  #language = 'curl';
  #revealed = false;
  #opened = false; // though there is traffic
  #code = new Reader(byId('first-code'));

  constructor(catalog) {
    super();
    [this.#key] = catalog.api_keys;
    this.#request = buildRequest(catalog, catalog.endpoints.find((e) => e.id === 'chat'), { message: 'What are your business hours?' }, { key: this.#key });
    const url = location.origin + catalog.base_path;
    byId('first-url').textContent = url;
    copies(byId('first-url-copy'), () => url, () => 'Copy');
    copies(byId('first-key-copy'), () => this.#key, () => 'Copy');
    copies(byId('first-copy'), () => this.#text(), () => 'Copy');
    byId('first-reveal').addEventListener('click', () => {
      this.#revealed = !this.#revealed;
      this.#show();
    });
    byId('first-languages').append(...Object.entries(languages).map(([name, { label }]) => el('label', {},
      el('input', { type: 'radio', name: 'first-language', value: name, checked: name === this.#language }), el('span', {}, label))));
    byId('first-languages').addEventListener('change', (event) => {
      this.#language = event.target.value;
      this.#show();
    });
    byId('first-send').addEventListener('click', () => this.#send());
    byId('first-open').addEventListener('click', () => this.#open(!this.#opened));
    this.#certificate(catalog.certificate);
    byId('first-docs').replaceChildren(...catalog.docs.map(({ title, url }) => el('a', { href: url, rel: 'noreferrer' }, title)));
    this.#show();
  }

  /** Shows it as long as there is no traffic, or it is asked for. */
  show({ traffic, connected }) {
    byId('first').hidden = traffic ? !this.#opened : !connected;
    byId('first-waiting').hidden = traffic;
  }

  #open(open) {
    this.#opened = open;
    byId('first-open').setAttribute('aria-expanded', String(open));
    byId('first').hidden = !open;
    if (open) byId('first-title').focus();
  }

  #certificate(certificate) {
    byId('first-certificate').hidden = !certificate;
    if (!certificate) return;
    const { path, file } = certificate;
    byId('first-certificate-link').href = path;
    byId('first-certificate-file').hidden = !file;
    byId('first-certificate-file').querySelector('code').textContent = file;
    byId('first-certificate-link').textContent = `Download ${path.slice(1)}`;
    byId('first-certificate-hint').textContent = 'The server has made it at its start: clients have to be told to trust it.';
    byId('first-code-hint').textContent = file ? 'Paste it into a terminal.' : `Paste it into a terminal, in the folder that has ${path.slice(1)}.`;
  }

  #text() { return `export ${keyVariable}=${this.#key}\n${languages[this.#language].write(this.#request)}`; }

  #show() {
    byId('first-key').textContent = this.#revealed ? this.#key : masked(this.#key);
    byId('first-reveal').textContent = this.#revealed ? 'Hide' : 'Reveal';
    byId('first-reveal').setAttribute('aria-pressed', String(this.#revealed));
    const text = this.#text();
    this.#code.set(this.#revealed ? text : masked(text), this.#language);
  }

  async #send() {
    byId('first-send').disabled = true;
    try {
      const response = await send(this.#request, AbortSignal.timeout(70_000));
      await response.text();
      say(byId('first-message'), `The server answered with status ${response.status}.`);
      this.dispatchEvent(new CustomEvent('sent', { detail: response.headers.get('X-Request-Id') }));
    } catch {
      say(byId('first-message'), 'There was no answer.', 'bad');
    }
    byId('first-send').disabled = false;
  }
}
