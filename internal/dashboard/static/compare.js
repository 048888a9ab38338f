// Two exchanges side by side, what differs marked.

import { byId, el } from './dom.js';
import { asHTTP } from './requestview.js';
import { visible } from './safe.js';
import { masked } from './secrets.js';
import { indented, isJSON } from './tokens.js';

const most = 1000; // lines of each

/** Opens the dialog that compares two exchanges. */
export function compare(left, right) {
  const a = lines(left);
  const b = lines(right);
  const rows = aligned(a.slice(0, most), b.slice(0, most));
  const differing = rows.filter((row) => row.kind !== 'same').length;
  const cut = Math.max(a.length, b.length) > most ? ` Only the first ${most} lines of each are compared.` : '';
  byId('compare-summary').textContent = (differing === 0 ? 'No lines differ.' : `${differing} of ${rows.length} lines differ.`) + cut;
  for (const [id, { sent, endpoint }] of Object.entries({ 'compare-left': left, 'compare-right': right })) {
    byId(id).textContent = `${sent.toLocaleTimeString()} · ${endpoint.name}`;
  }
  const cell = (text, differs) => el('td', { 'data-differs': String(differs) }, ...(text === undefined ? [] : visible(text)),
    differs && text !== undefined ? el('span', { class: 'visually-hidden' }, ' (differs)') : null);
  byId('compare-rows').replaceChildren(...rows.map(({ kind, left: l, right: r }) => el('tr', { 'data-kind': kind },
    cell(l, kind !== 'same'), cell(r, kind !== 'same'))));
  byId('compare-dialog').showModal();
}

function lines({ request, status, statusText, headers, body, events, text, note }) {
  const reply = [
    '', `${status || 'no reply'} ${statusText}`,
    ...[...headers].map(([name, value]) => `${name}: ${value}`), '',
    ...(events.length > 0 ? [`${events.length} events with this text:`, text] : [isJSON(body) ? indented(body) : body]),
    ...(note ? [note.text] : []),
  ];
  return masked(`${asHTTP(request)}\n${reply.join('\n')}`).split('\n');
}

/** Rows of two texts: what is common to both (longest common subsequence) on one level. */
export function aligned(a, b) {
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1] + 1
        : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const rows = [];
  let lefts = []; // lines that only one of the two has, until the next common one
  let rights = [];
  const flush = () => {
    for (let k = 0; k < Math.max(lefts.length, rights.length); k += 1) {
      rows.push({ kind: k >= lefts.length ? 'right' : k >= rights.length ? 'left' : 'changed', left: lefts[k], right: rights[k] });
    }
    lefts = [];
    rights = [];
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      flush();
      rows.push({ kind: 'same', left: a[i], right: b[j] });
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      lefts.push(a[i]);
      i += 1;
    } else {
      rights.push(b[j]);
      j += 1;
    }
  }
  flush();
  return rows;
}
