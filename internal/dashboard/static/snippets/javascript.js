// A request as a JavaScript program, by fetch.

import { escaped } from '../safe.js';
import { certificateFile, keyVariable, plainHeaders, quote, selfSigned, sessionVariable, shell, streams, typeOf } from './words.js';

export function javascript(request) {
  const headers = plainHeaders(request).map(({ name, value }) => `${quote(name)}: ${quote(value)}`);
  headers.unshift(request.auth === 'key'
    ? `"Authorization": \`Bearer \${process.env.${keyVariable}}\``
    : `"Cookie": \`session=\${process.env.${sessionVariable}}\``);
  const trust = selfSigned(request)
    ? `// This server's certificate is its own: run with NODE_EXTRA_CA_CERTS=${shell(certificateFile())}.\n` : '';
  const call = `${trust}${form(request)}const response = await fetch(${quote(request.url)}, {
  method: "${request.method}",
  headers: {
${headers.map((h) => `    ${h},`).join('\n')}
  },${body(request)}
});
`;
  if (!streams(request)) return `${call}console.log(response.status, await response.text());\n`;
  return `${call}if (!response.ok) throw new Error(\`\${response.status}: \${await response.text()}\`);
const decoder = new TextDecoder();
let pending = "";
for await (const bytes of response.body) {
  pending += decoder.decode(bytes, { stream: true });
  const lines = pending.split("\\n");
  pending = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
    const event = JSON.parse(line.slice(6));
    process.stdout.write(event.content ?? \`\\n\${event.error?.message}\`);
  }
}
console.log();
`;
}

function form(request) {
  if (!request.form) return '';
  const files = request.form.some(({ value }) => value.name);
  const field = ({ name, value }) => (value.name
    ? `form.append(${quote(name)}, new Blob([await readFile(${quote(value.name)})], { type: ${quote(typeOf(value))} }), ${quote(value.name)});\n`
    : `form.append(${quote(name)}, ${quote(value)});\n`);
  return `${files ? 'import { readFile } from "node:fs/promises";\n\n' : ''}const form = new FormData();\n${request.form.map(field).join('')}`;
}

function body(request) {
  if (request.form) return '\n  body: form,';
  if (request.body === null) return '';
  if (request.values === null) return `\n  body: ${quote(request.body)},`;
  return `\n  body: JSON.stringify(${escaped(JSON.stringify(request.values, null, 2).toWellFormed()).replaceAll('\n', '\n  ')}),`;
}
