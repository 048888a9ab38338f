// JSON, indented and coloured. The text is re-indented token by token rather
// than parsed and printed anew, so that what is shown is what was sent: large
// numbers, escapes and doubled names included.

import { el } from './dom.js';

const token = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;
const largest = 256 * 1024; // longer bodies are shown plain

/** Whether a text is JSON. */
export function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Nodes that show a text: highlighted if it is JSON, plain otherwise. */
export function highlighted(text, { indent = true } = {}) {
  const fragment = document.createDocumentFragment();
  if (text.length > largest || !isJSON(text)) {
    fragment.append(text);
    return fragment;
  }
  const tokens = text.match(token) ?? [];
  let depth = 0;
  const newline = () => (indent ? `\n${'  '.repeat(depth)}` : ' ');
  tokens.forEach((t, i) => {
    const next = tokens[i + 1];
    switch (t) {
      case '{': case '[':
        fragment.append(t);
        if (next !== '}' && next !== ']') {
          depth += 1;
          if (indent) fragment.append(newline());
        }
        return;
      case '}': case ']':
        if (tokens[i - 1] !== '{' && tokens[i - 1] !== '[') {
          depth -= 1;
          if (indent) fragment.append(newline());
        }
        fragment.append(t);
        return;
      case ',': fragment.append(t, newline()); return;
      case ':': fragment.append(': '); return;
      default: fragment.append(el('span', { class: kind(t, next) }, t));
    }
  });
  return fragment;
}

function kind(t, next) {
  if (t.startsWith('"')) return next === ':' ? 'json-name' : 'json-string';
  return /^[tfn]/.test(t) ? 'json-literal' : 'json-number';
}
