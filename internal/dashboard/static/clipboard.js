// Copying text, with the outcome told on the button and to screen readers.

import { byId } from './dom.js';

/** Makes a button, whose label is label(), copy what text() returns. */
export function copies(button, text, label) {
  let timer;
  button.addEventListener('click', async () => {
    let outcome = 'Copied';
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      outcome = 'The browser refused to copy';
    }
    button.textContent = outcome;
    byId('announcer').textContent = outcome;
    clearTimeout(timer);
    timer = setTimeout(() => { button.textContent = label(); }, 2000);
  });
}
