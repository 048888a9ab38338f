// Verifies the signature of a delivery before one's eyes, as its receiver
// would.

import { byId } from './dom.js';
import { Reader } from './reader.js';

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** HMAC-SHA256 of a text in lower-case hexadecimal digits. */
export async function hmac(secret, text) {
  const bytes = new TextEncoder();
  const key = await crypto.subtle.importKey('raw', bytes.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return hex(await crypto.subtle.sign('HMAC', key, bytes.encode(text)));
}

export class SignatureView {
  #text = new Reader(byId('signature-text'));
  #secret = '';
  #attempt = null;
  #turn = 0;

  constructor() {
    byId('signature-secret').addEventListener('input', () => this.#verify());
  }

  /** Shows an attempt's signature. secret: the webhook's own. */
  show(attempt, secret) {
    byId('signature').hidden = !attempt.header;
    if (!attempt.header) return; // it was not sent
    if (this.#attempt?.time !== attempt.time) byId('signature-secret').value = '';
    this.#attempt = attempt;
    this.#secret = secret;
    this.#verify();
  }

  async #verify() {
    const { header, body } = this.#attempt;
    const field = (name) => (Object.entries(header).find(([n]) => n.toLowerCase() === name) ?? [])[1]?.[0] ?? '';
    const signed = field('x-clawhq-signature');
    const text = `${field('x-clawhq-timestamp')}.${body}`;
    const typed = byId('signature-secret').value.trim();
    this.#turn += 1;
    const turn = this.#turn;
    const computed = crypto.subtle ? await hmac(typed || this.#secret, text) : '';
    if (turn !== this.#turn) return; // another one has begun
    this.#text.set(text);
    byId('signature-computed').textContent = computed || '—';
    byId('signature-header').textContent = signed;
    if (!computed) this.#say('', 'not checked', 'Browsers compute signatures only on pages opened by HTTPS or at localhost.');
    else if (computed === signed) this.#say('ok', 'valid', 'They are equal: the delivery is genuine.');
    else {
      this.#say('bad', 'not valid', typed ? 'They differ: the delivery was signed with another secret.'
        : 'They differ: the delivery was not signed with the webhook\'s secret.');
    }
  }

  #say(tone, verdict, message) {
    byId('signature-verdict').dataset.tone = tone;
    byId('signature-verdict').textContent = verdict;
    byId('signature-message').dataset.tone = tone;
    byId('signature-message').textContent = message;
  }
}
