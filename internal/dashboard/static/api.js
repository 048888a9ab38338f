// The page's own calls: the catalog, the faults, keys and webhooks. They go by the
// dashboard's way, where neither faults nor limits meet them.

import { buildRequest } from './request.js';
import { keepToken, tokenHeader } from './token.js';

const longestWait = 10_000; // milliseconds

/** What went wrong with a call, in words for people; status 0: no answer. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  toString() { return this.message; }
}

/** Fires "lost" with an ApiError in detail: signed out, or no answer; and "found" with each answer. */
export const connection = new EventTarget();

function lost(error) {
  connection.dispatchEvent(new CustomEvent('lost', { detail: error }));
  return error;
}

/** Calls the server; wait is how long its reply may take, in milliseconds. */
export async function call(path, { headers, wait = longestWait, ...init }) {
  let response;
  let text;
  try {
    response = await fetch(path, { ...init, headers: [...headers, tokenHeader()], cache: 'no-store', redirect: 'manual', signal: AbortSignal.timeout(wait) });
    text = await response.text();
  } catch (error) {
    throw lost(new ApiError(0, error.name === 'TimeoutError'
      ? `The server has not answered for ${wait / 1000} s.` : 'The server did not answer. Is it still running?'));
  }
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    // An HTML page of a proxy, or nothing: told below.
  }
  const byKey = headers.some(([name]) => name === 'Authorization');
  if (response.status !== 401 || byKey) found();
  if (response.ok && data !== undefined) return data;
  if (response.status === 401 && !byKey) throw lost(new ApiError(401, 'This browser is no longer signed in.'));
  throw new ApiError(response.status, inWords(response.status, data?.error?.message ?? data?.error));
}

/** Tells that the server answers, for what calls it in another way. */
export const found = () => connection.dispatchEvent(new Event('found'));

function inWords(status, said) {
  if (status === 404) return 'It no longer exists. Refresh the list.';
  if (status === 429) return 'Too many changes within a minute. Wait a little and try again.';
  if (status >= 500 || !said) return `The server failed with status ${status}.`;
  return /[.!?]$/.test(said) ? said : `${said}.`;
}

function dashboard(method, path, body) {
  return call(path, {
    method,
    headers: body === undefined ? [] : [['Content-Type', 'application/json']],
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

export const loadCatalog = () => dashboard('GET', '/dashboard/endpoints');
export const loadFaults = () => dashboard('GET', '/dashboard/faults');
export const armFaults = (faults) => dashboard('POST', '/dashboard/faults', { faults });
export const loadAttempts = (webhook) => dashboard('GET', `/dashboard/attempts?${new URLSearchParams({ webhook })}`);
export const clearFaults = () => dashboard('DELETE', '/dashboard/faults');

/** Signs the browser in by a link's token, and says whether that was right. */
export async function signIn(token) {
  try {
    const response = await fetch(`/login?${new URLSearchParams({ token })}`, { cache: 'no-store', redirect: 'manual' });
    const right = response.type === 'opaqueredirect';
    if (right) keepToken(token);
    return right;
  } catch {
    throw new ApiError(0, 'The server did not answer. Is it still running?');
  }
}

/** The API as the page itself calls it, by the endpoints that the server says it has. */
export class Api {
  #catalog;

  constructor(catalog) { this.#catalog = catalog; }

  /** Calls an endpoint, by its id in the catalog, and returns its reply. key: for the endpoints that want one. */
  call(id, values = {}, key = '') {
    const endpoint = this.#catalog.endpoints.find((e) => e.id === id);
    const { method, path, headers, body } = buildRequest(this.#catalog, endpoint, values, { key });
    return call(this.#catalog.own_path + path, {
      method, body, headers: headers.filter((h) => h.value !== null).map((h) => [h.name, h.value]),
    });
  }
}
