// What was typed, kept through a reload in the browser's own entry for the
// page. It goes with the tab, and no key is ever part of it.

import { masked } from './secrets.js';

let timer;
let kept = history.state ?? {};

/** What a part of the page had typed before the page was loaded anew. */
export const typed = (part) => kept[part];

/** Keeps what a part of the page has typed. */
export function keep(part, value) {
  kept = { ...kept, [part]: value };
  clearTimeout(timer);
  timer = setTimeout(write, 100);
}

function write() {
  clearTimeout(timer);
  try {
    history.replaceState(JSON.parse(masked(JSON.stringify(kept))), '');
  } catch {
    // Too large for the browser to keep: it is lost by a reload.
  }
}

addEventListener('hashchange', write); // another view is another entry
