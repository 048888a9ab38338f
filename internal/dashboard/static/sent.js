// From a request of the journal to one that is shown, turned into code, or sent again.

import { chosenHeaders } from './recognize.js';

/** A path of the journal, which is not escaped, as on the wire. */
export const onTheWire = (path) => path.split('/').map((segment) => encodeURIComponent(segment).replace(/%(?:3A|40|2C|24|26|2B|3B|3D)/g, decodeURIComponent)).join('/');

/** The path with the query. */
export const target = ({ path, query }) => onTheWire(path) + (query ? `?${query}` : '');

/** A request of the journal as buildRequest makes one, with all headers that came. */
export function asItCame(request) {
  return {
    ...asProgram(request),
    headers: Object.entries(request.headers ?? {}).flatMap(([name, values]) => values.map((value) => ({ name, value }))),
  };
}

/** The same with the headers that somebody chose: what a program says. */
export function asProgram(request, basePath = '/api') {
  const { method, body = '' } = request;
  const bodiless = body === '' || method === 'GET' || method === 'HEAD';
  return {
    method,
    path: target(request),
    url: location.origin + target(request),
    headers: chosenHeaders(request.headers).map(([name, value]) => ({ name, value })),
    body: bodiless ? null : body,
    auth: request.path.startsWith(`${basePath}/v1/`) ? 'key' : 'session',
    values: bodiless ? {} : objectOf(body),
    form: null,
  };
}

function objectOf(json) {
  try {
    const value = JSON.parse(json);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** What there is to be said of a repetition; '' for nothing. */
export function incomplete({ omitted, headers }) {
  if (/^multipart\//.test(headers?.['Content-Type']?.[0] ?? '')) return 'The body was a form with files, which the journal does not keep whole.';
  if (omitted) return `The journal has the beginning of the body only: ${omitted.toLocaleString('en')} bytes are missing.`;
  return '';
}

/** What a fault has to be aimed at to meet the next request like this one. */
export function aimedLike(request, catalog) {
  const { method, key_id: key, agent } = request;
  const path = request.path.slice(catalog.base_path.length);
  const endpoint = catalog.endpoints.find((e) => e.method === method && matches(e.path, path));
  const asked = agent || objectOf(request.body ?? '')?.agent;
  return {
    ...(endpoint ? { path: `${method} ${endpoint.path.replace(/\{\w+\}/g, '{id}')}` } : { method }),
    ...(key ? { key } : {}),
    ...(typeof asked === 'string' && asked !== '' ? { agent: asked } : {}),
  };
}

function matches(pattern, path) {
  const wanted = pattern.split('/');
  const segments = path.split('/');
  return wanted.length === segments.length && wanted.every((w, i) => w === segments[i] || (w.startsWith('{') && segments[i] !== ''));
}
