// Exchanges as a file: HTTP Archive 1.2, which browsers and Postman read.
// Credentials are not in it.

import { kept } from './request.js';
import { masked } from './secrets.js';

const named = (headers) => headers.map(([name, value]) => ({ name, value }));

function entry({ request, sent, seconds, firstByte, status, statusText, headers, body, events, bytes, note, keyName }) {
  const { method, url } = request;
  const said = kept(request).headers.map(({ name, value, shown }) => [name, value ?? shown]);
  const type = (request.headers.find(({ name }) => name === 'Content-Type') ?? {}).value ?? 'application/json';
  return {
    startedDateTime: sent.toISOString(),
    time: seconds * 1000,
    request: {
      method, url, httpVersion: '', headers: named(said), cookies: [], headersSize: -1, bodySize: -1,
      queryString: named([...new URL(url).searchParams]),
      ...request.body === null ? {} : { postData: { mimeType: type, text: request.body } },
      ...request.form ? { postData: { mimeType: 'multipart/form-data', params: request.form.map(({ name, value }) => (value.name ? { name, fileName: value.name } : { name, value })) } } : {},
    },
    response: {
      status, statusText, httpVersion: '', headers: named([...headers]), cookies: [], redirectURL: '', headersSize: -1, bodySize: bytes,
      content: {
        size: bytes, mimeType: headers.get('Content-Type') ?? '',
        text: events.length > 0 ? events.map(({ data }) => `${data.replace(/^/gm, 'data: ')}\n\n`).join('') : body,
      },
    },
    cache: {},
    timings: { send: 0, wait: firstByte * 1000, receive: (seconds - firstByte) * 1000 },
    comment: [keyName, note?.text].filter(Boolean).join(': '),
  };
}

/** Exchanges, oldest first, as the text of a file. */
export const asHAR = (exchanges) => masked(JSON.stringify({
  log: { version: '1.2', creator: { name: 'ClawHQ playground', version: '1' }, entries: exchanges.map(entry) },
}, null, 2));
