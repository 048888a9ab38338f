// Calls whose reply the page itself uses: the catalog, the faults, the keys.

import { buildRequest, send } from './request.js';

/** What the server answered instead of a success; status 0: nothing at all. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  toString() { return this.status ? `${this.status}: ${this.message}` : this.message; }
}

async function reply(pending) {
  let response;
  let text;
  try {
    response = await pending;
    text = await response.text();
  } catch {
    throw new ApiError(0, 'The server did not answer. Is it still running?');
  }
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    // An HTML page of a proxy, or nothing: shown as it came.
  }
  if (response.ok && data !== undefined) return data;
  const said = data?.error?.message ?? data?.error ?? text.slice(0, 500);
  throw new ApiError(response.status, String(said || 'no message'));
}

function dashboard(method, path, body) {
  return reply(fetch(path, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: 'no-store',
  }));
}

export const loadCatalog = () => dashboard('GET', '/dashboard/endpoints');
export const loadFaults = () => dashboard('GET', '/dashboard/faults');
export const armFaults = (faults) => dashboard('POST', '/dashboard/faults', { faults });
export const clearFaults = () => dashboard('DELETE', '/dashboard/faults');

/** Key management, by the endpoints the server says it has. */
export class Keys {
  #catalog;

  constructor(catalog) { this.#catalog = catalog; }

  #call(id, values) {
    const endpoint = this.#catalog.endpoints.find((e) => e.id === id);
    return reply(send(buildRequest(this.#catalog, endpoint, values)));
  }

  list() { return this.#call('keys.list', {}); }
  create(name, tier) { return this.#call('keys.create', { name, rate_limit_per_min: tier }); }
  update(id, changes) { return this.#call('keys.update', { id, ...changes }); }
  revoke(id) { return this.#call('keys.revoke', { id }); }
}
