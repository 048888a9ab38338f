// Text from elsewhere, shown so that it cannot pretend to be another: what
// would turn the reading direction, hide or be invisible is shown by its code
// point instead (Unicode Technical Report 36, "Bidirectional Text Spoofing").

import { el } from './dom.js';

// Controls but tab, line feed and carriage return; marks, embeddings,
// overrides and isolates of direction; zero-width characters but the joiners
// that scripts and emoji are written with; line and paragraph separators.
const unsafe = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const codePoint = (character) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;

/** A text for where no elements can be: options, attributes, announcements. */
export const plain = (text) => String(text).replace(unsafe, (character) => `⟨${codePoint(character)}⟩`);

/** Nodes that show a text; nothing of it can act on what stands around it. */
export function visible(text) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(unsafe)) {
    if (match.index > from) nodes.push(text.slice(from, match.index));
    nodes.push(el('span', { class: 'control' }, codePoint(match[0])));
    from = match.index + 1;
  }
  if (from === 0) return [text];
  nodes.push(text.slice(from));
  return nodes;
}

/** JSON that says the same without such characters in it. */
export const escaped = (json) => json.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
