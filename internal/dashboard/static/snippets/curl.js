// A request as a call of curl.

import { certificateFile, keyVariable, plainHeaders, selfSigned, sessionVariable, shell, streams, typeOf } from './words.js';

export function curl(request) {
  const words = ['curl'];
  if (selfSigned(request)) words.push('--cacert', shell(certificateFile())); // it is made at start
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
