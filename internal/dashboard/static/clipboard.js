// Copying text, with the outcome told on the button and to screen readers.

import { byId } from './dom.js';

/** Makes a button copy what text() returns when it is pressed. */
export function copies(button, text) {
  const label = button.textContent;
  let timer;
  button.addEventListener('click', async () => {
    let outcome = 'Copied';
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      outcome = 'Copying was refused by the browser';
    }
    button.textContent = outcome;
    byId('announcer').textContent = outcome;
    clearTimeout(timer);
    timer = setTimeout(() => { button.textContent = label; }, 2000);
  });
}
