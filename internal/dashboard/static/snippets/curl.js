// A request as a call of curl.

import { keyVariable, plainHeaders, selfSigned, sessionVariable, streams, typeOf } from './words.js';

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl(request) {
  const words = ['curl'];
  if (selfSigned(request)) words.push('-k'); // the certificate is made at start
  if (streams(request)) words.push('-N');
  if (request.method !== 'GET') words.push('-X', request.method);
  const lines = [`${words.join(' ')} ${shell(request.url)}`];
  lines.push(request.auth === 'key'
    ? `-H "Authorization: Bearer $${keyVariable}"`
    : `-b "session=$${sessionVariable}"`);
  for (const { name, value } of plainHeaders(request)) lines.push(`-H ${shell(`${name}: ${value}`)}`);
  if (request.body !== null) lines.push(`-d ${shell(request.body)}`);
  for (const { name, value } of request.form ?? []) {
    lines.push(value.name ? `-F ${shell(`${name}=@"${value.name}";type=${typeOf(value)}`)}` : `--form-string ${shell(`${name}=${value}`)}`);
  }
  return lines.join(' \\\n  ');
}
