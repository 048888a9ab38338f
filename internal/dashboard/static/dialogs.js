// What all dialogs have in common.

import { byId, say } from './dom.js';

for (const button of document.querySelectorAll('dialog [data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close());
}

/** Makes a dialog's form act, once at a time, and say what went wrong. */
export function submits(name, act) {
  const form = byId(`${name}-form`);
  const message = byId(`${name}-message`);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    try {
      say(message);
      await act();
    } catch (error) {
      say(message, String(error), 'bad');
    } finally {
      form.removeAttribute('aria-busy');
    }
  });
}
