// From an endpoint of the catalog and the values of its parameters to the
// request that is sent, shown and turned into code.

import { escaped } from './safe.js';
import { shownOf } from './secrets.js';
import { tokenHeader } from './token.js';

/**
 * A request is {method, path, url, headers, body, auth, values, form}; a
 * header is {name, value, shown}. A value is null where the browser adds it
 * itself; shown, where given, is what to show instead of a credential.
 * Parameters without a value are left out. values is the body's object, or
 * null where the body, written by hand as raw, is none. form, where there is
 * one in place of a body, is a list of {name, value}: texts and Files, sent as
 * multipart/form-data.
 */
export function buildRequest(catalog, endpoint, values, { key = '', raw } = {}) {
  let { method, auth } = endpoint;
  let path = catalog.base_path + endpoint.path;
  const query = new URLSearchParams();
  const headers = [];
  let fields = null;
  let form = null;
  for (const parameter of endpoint.parameters) {
    const value = values[parameter.name];
    if (parameter.in === 'path') {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value ?? ''));
      continue;
    }
    if (parameter.in === 'body') fields ??= {};
    if (parameter.in === 'form') form ??= [];
    if (value === undefined) continue;
    if (parameter.in === 'body') fields[parameter.name] = value;
    if (parameter.in === 'query') query.set(parameter.name, value);
    if (parameter.in === 'header') headers.push({ name: parameter.name, value: String(value) });
    if (parameter.in === 'form') form.push({ name: parameter.name, value });
    if (parameter.in === 'headers') headers.push(...written(value));
    if (parameter.in === 'content') raw = value;
    if (parameter.in === 'method') method = value;
    if (parameter.in === 'target') {
      path = value;
      auth = path.startsWith(`${catalog.base_path}/v1/`) ? 'key' : 'session';
    }
  }
  if (method === 'GET' || method === 'HEAD') raw = undefined; // a browser sends none
  if (query.size > 0) path += `?${query}`;
  const body = raw ?? (fields === null ? null : escaped(JSON.stringify(fields)));
  if (body !== null && endpoint.method) headers.unshift({ name: 'Content-Type', value: 'application/json' });
  if (form) headers.unshift({ name: 'Content-Type', value: null, shown: 'multipart/form-data; boundary=…' });
  if (auth === 'key') {
    if (key && !headers.some(isAuthorization)) headers.unshift(bearer(key));
  } else {
    headers.unshift({ name: 'Cookie', value: null, shown: `${catalog.session_cookie}=… (hidden from this page)` });
  }
  return {
    method,
    path,
    url: location.origin + path,
    headers,
    body,
    auth,
    values: raw === undefined ? fields ?? {} : objectOf(raw),
    form,
  };
}

const bearer = (key) => ({ name: 'Authorization', value: `Bearer ${key}`, shown: shownOf('Authorization', `Bearer ${key}`) });

const isAuthorization = ({ name }) => name.toLowerCase() === 'authorization';

// The headers that are written one on each line.
function written(text) {
  return text.split('\n').filter((line) => line.includes(':')).map((line) => {
    const [name, ...rest] = line.split(':');
    const header = { name: name.trim(), value: rest.join(':').trim() };
    return { ...header, shown: shownOf(header.name, header.value) };
  });
}

function objectOf(json) {
  try {
    const value = JSON.parse(json);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** The same request for another page of a list. */
export function atOffset(request, offset) {
  const url = new URL(request.url);
  url.searchParams.set('offset', String(offset));
  return { ...request, url: url.href, path: url.pathname + url.search };
}

/** The same request with a key in place of the one that was not kept. */
export function withKey(request, key) {
  return { ...request, headers: request.headers.map((h) => (key && isAuthorization(h) && h.value === null ? bearer(key) : h)) };
}

/** What can be kept of a request: no credential, and of files the name and size. */
export function kept({ method, path, headers, body, auth, form }) {
  return {
    method, path, body, auth,
    headers: headers.map(({ name, value, shown }) => (shown ? { name, value: null, shown } : { name, value })),
    form: form?.map(({ name, value }) => ({ name, value: value.name ? { name: value.name, size: value.size } : value })) ?? null,
  };
}

/** The request that was kept. Its files are gone, so that it can be looked at only. */
export function restored(request) {
  return { ...request, url: location.origin + request.path, values: request.body === null ? {} : objectOf(request.body) };
}

/** A request as openPlayground takes it. */
export function asOpened({ method, path, headers, body }) {
  const [before, query] = path.split(/\?(.*)/s);
  return { method, path: before, query, headers: headers.filter((h) => h.value !== null && !h.shown).map((h) => [h.name, h.value]), body: body ?? '' };
}

/** Sends a request as it was built. */
export function send(request, signal) {
  let { body } = request;
  if (request.form) {
    body = new FormData();
    for (const { name, value } of request.form) body.append(name, value);
  }
  return fetch(request.url, {
    method: request.method,
    headers: [...request.headers.filter((h) => h.value !== null).map((h) => [h.name, h.value]), ...request.auth === 'session' ? [tokenHeader()] : []],
    body,
    credentials: request.auth === 'session' ? 'same-origin' : 'omit',
    cache: 'no-store',
    redirect: 'manual',
    signal,
  });
}
