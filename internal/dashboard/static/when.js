// Times for people.

import { el } from './dom.js';

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat('en', { style: 'short' });

/** A time, short and relative, the exact one on hovering. */
export function when(text) {
  if (!text) return el('span', { class: 'muted' }, 'never');
  const date = new Date(text);
  return el('time', { datetime: text, title: dates.format(date) }, ago((Date.now() - date) / 1000));
}

function ago(seconds) {
  for (const [unit, length] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return 'just now';
}
