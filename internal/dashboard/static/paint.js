// A piece of a text as nodes: coloured by its tokens, search hits marked, and
// what could deceive shown by name.

import { el } from './dom.js';
import { visible } from './safe.js';

/** The first of some sorted spans that ends after a position. */
function firstAfter(spans, position) {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].end <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Paints text[from, to). tokens: [{start, end, kind}], kind being a class;
 * hits: [{start, end}]; both sorted and not overlapping. current is the hit
 * that the reader is at.
 */
export function paint(text, from, to, tokens, hits, current) {
  const nodes = [];
  const emit = (start, end, kind) => {
    let position = start;
    const put = (until, marked) => {
      if (until <= position) return;
      const shown = visible(text.slice(position, until));
      let node = kind ? el('span', { class: kind }, ...shown) : shown;
      if (marked) node = el('mark', { class: marked === current ? 'current' : null }, ...[node].flat());
      nodes.push(...[node].flat());
      position = until;
    };
    for (let h = firstAfter(hits, start); h < hits.length && hits[h].start < end; h += 1) {
      put(Math.max(hits[h].start, start), null);
      put(Math.min(hits[h].end, end), hits[h]);
    }
    put(end, null);
  };
  let position = from;
  for (let i = firstAfter(tokens, from); i < tokens.length && tokens[i].start < to; i += 1) {
    const { start, end, kind } = tokens[i];
    emit(position, Math.max(start, from), '');
    emit(Math.max(start, from), Math.min(end, to), kind);
    position = Math.min(end, to);
  }
  emit(position, to, '');
  return nodes;
}
