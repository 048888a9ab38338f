// A request as a Python program, by requests.

import { certificateFile, keyVariable, plainHeaders, quote, selfSigned, sessionVariable, streams, typeOf } from './words.js';

export function python(request) {
  const asJSON = request.body !== null && request.values !== null;
  const headers = plainHeaders(request).filter(({ name }) => name !== 'Content-Type' || !asJSON)
    .map(({ name, value }) => `${quote(name)}: ${quote(value)}`);
  if (request.auth === 'key') headers.unshift(`"Authorization": f"Bearer {os.environ['${keyVariable}']}"`);
  const args = [quote(request.url)];
  if (headers.length > 0) args.push(`headers={\n${headers.map((h) => `        ${h},\n`).join('')}    }`);
  if (request.auth === 'session') args.push(`cookies={"session": os.environ["${sessionVariable}"]}`);
  if (asJSON) args.push(`json=${literal(request.values, '    ')}`);
  else if (request.body !== null) args.push(`data=${quote(request.body)}.encode()`);
  if (request.form) {
    const fields = request.form.map(({ name, value }) => `${quote(name)}: ${
      value.name ? `(${quote(value.name)}, open(${quote(value.name)}, "rb"), ${quote(typeOf(value))})` : `(None, ${quote(value)})`}`);
    args.push(`files={\n${fields.map((f) => `        ${f},\n`).join('')}    }`);
  }
  if (streams(request)) args.push('stream=True');
  if (selfSigned(request)) args.push(`verify=${quote(certificateFile())}`);
  const call = `requests.${request.method.toLowerCase()}(\n${args.map((arg) => `    ${arg},\n`).join('')})`;
  if (!streams(request)) {
    return `import os
import requests

response = ${call}
print(response.status_code, response.text)
`;
  }
  return `import json
import os
import requests

response = ${call}
response.raise_for_status()
for line in response.iter_lines():
    if not line.startswith(b"data: ") or line == b"data: [DONE]":
        continue
    event = json.loads(line.removeprefix(b"data: "))
    print(event.get("content", event.get("error", "")), end="", flush=True)
print()
`;
}

// A value of JSON as a literal of Python.
function literal(value, indent) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return quote(value);
  const inner = `${indent}    `;
  const list = Array.isArray(value);
  const entries = list ? value.map((v) => literal(v, inner))
    : Object.entries(value).map(([name, v]) => `${quote(name)}: ${literal(v, inner)}`);
  const [open, close] = list ? '[]' : '{}';
  return entries.length === 0 ? open + close : `${open}\n${entries.map((e) => `${inner}${e},\n`).join('')}${indent}${close}`;
}
