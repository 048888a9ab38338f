// What is coloured in a text: JSON, HTTP messages, and the four languages of
// the snippets. Each reader returns sorted spans {start, end, kind}.

const largest = 256 * 1024; // longer texts are shown plain

const patterns = {
  json: /(?<name>"(?:[^"\\]|\\.)*"(?=\s*:))|(?<string>"(?:[^"\\]|\\.)*")|(?<number>-?\d[\d.eE+-]*)|(?<literal>\b(?:true|false|null)\b)/g,
  headers: /^(?<name>[\w-]+)(?=: )/gm,
  curl: /(?<comment>(?<=^|\s)#.*)|(?<string>'[^']*'|"(?:[^"\\]|\\.)*")|(?<literal>\bcurl\b|(?<=\s)-{1,2}[A-Za-z-]+)/gm,
  go: /(?<comment>\/\/.*)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<literal>\b(?:package|import|func|for|range|if|return|defer|var|nil|true|false)\b)|(?<number>\b\d+\b)/g,
  python: /(?<comment>#.*)|(?<string>f?"(?:[^"\\\n]|\\.)*")|(?<literal>\b(?:import|with|open|as|for|in|if|not|or|continue|print|True|False|None)\b)|(?<number>\b\d+\b)/g,
  javascript: /(?<comment>\/\/.*)|(?<string>"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|(?<literal>\b(?:import|from|const|let|await|for|of|if|continue|throw|new|true|false|null)\b)|(?<number>\b\d+\b)/g,
};

/** The spans of a text in a language; none if it is plain. */
export function tokens(text, language, offset = 0) {
  if (language === 'http') return request(text);
  const pattern = patterns[language];
  if (!pattern || text.length > largest) return [];
  return [...text.matchAll(pattern)].map((match) => ({
    start: offset + match.index,
    end: offset + match.index + match[0].length,
    kind: `token-${Object.entries(match.groups).find(([, value]) => value !== undefined)[0]}`,
  }));
}

// A request: its first line, its headers, its body.
function request(text) {
  const line = (text.indexOf('\n') + 1 || text.length + 1) - 1;
  const body = (text.indexOf('\n\n') + 1 || text.length + 1) - 1;
  return [
    { start: 0, end: line, kind: 'token-start' },
    ...tokens(text.slice(line, body), 'headers', line),
    ...(isJSON(text.slice(body)) ? tokens(text.slice(body), 'json', body) : []),
  ];
}

/** Whether a text is JSON. */
export function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const piece = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

/**
 * JSON, indented token by token rather than parsed and printed anew, so that
 * what is shown is what was sent: large numbers, escapes and doubled names
 * included.
 */
export function indented(json) {
  const pieces = json.match(piece) ?? [];
  const out = [];
  let depth = 0;
  const newline = () => `\n${'  '.repeat(depth)}`;
  pieces.forEach((p, i) => {
    const opens = p === '{' || p === '[';
    const closes = p === '}' || p === ']';
    if (opens) {
      out.push(p);
      if (pieces[i + 1] === '}' || pieces[i + 1] === ']') return;
      depth += 1;
      out.push(newline());
    } else if (closes) {
      if (pieces[i - 1] !== '{' && pieces[i - 1] !== '[') {
        depth -= 1;
        out.push(newline());
      }
      out.push(p);
    } else if (p === ',') out.push(p, newline());
    else out.push(p === ':' ? ': ' : p);
  });
  return out.join('');
}
