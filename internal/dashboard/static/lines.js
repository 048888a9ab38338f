// A text as rows of bounded width, laid out by counting columns of a
// monospaced font: a window of any of its rows can be shown without the
// browser having to lay out the rest.

const longest = 2000; // columns of a row even where lines are not wrapped
const named = 8; // columns of a character's code point in its frame

// East Asian wide characters and emoji take two columns (Unicode Standard
// Annex 11), combining marks and joiners none, what safe.js shows by name as
// many as the name. The ranges are coarse: a row that comes out too wide
// scrolls.
function width(code) {
  if (code < 0x300) return (code < 0x20 && code !== 13) || (code >= 0x7f && code < 0xa0) ? named : 1;
  if (code <= 0x36f || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  if ((code >= 0x200b && code <= 0x206f && code !== 0x200c && (code < 0x2010 || code > 0x2027) && (code < 0x202f || code > 0x205f))
    || code === 0x61c || code === 0xfeff) return named;
  if (code < 0x1100) return 1;
  if (code <= 0x115f || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3)
    || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f)
    || (code >= 0xff00 && code <= 0xff60) || code >= 0x1f000) return 2;
  return 1;
}

export class Lines {
  #columns = longest;
  #starts = [0]; // where each row starts

  text = '';

  get count() { return this.#starts.length; }

  /** The bounds of a row in the text, its line feed included. */
  row(i) { return [this.#starts[i], this.#starts[i + 1] ?? this.text.length]; }

  /** The row that a position is in. */
  rowAt(position) {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Lays the text out anew, wrapped at so many columns; 0: not wrapped. */
  wrap(columns) {
    const next = columns > 0 ? Math.min(columns, longest) : longest;
    if (next === this.#columns) return;
    this.#columns = next;
    this.#starts = [0];
    this.#layOut();
  }

  set(text) {
    this.text = text;
    this.#starts = [0];
    this.#layOut();
  }

  append(text) {
    this.text += text;
    this.#layOut();
  }

  // Lays out from the start of the last row on.
  #layOut() {
    const { text } = this;
    let start = this.#starts.at(-1);
    let used = 0;
    let space = -1; // after the row's last space
    for (let i = start; i < text.length;) {
      const code = text.codePointAt(i);
      const units = code > 0xffff ? 2 : 1;
      if (code === 10) {
        start = i + 1;
        this.#starts.push(start);
        used = 0;
        space = -1;
        i = start;
        continue;
      }
      used += code === 9 ? 4 - used % 4 : width(code);
      if (used > this.#columns && code !== 32) {
        start = space > start ? space : Math.max(i, start + 1);
        this.#starts.push(start);
        used = 0;
        space = -1;
        i = start;
        continue;
      }
      i += units;
      if (code === 32) space = i;
    }
  }
}
