// From an endpoint of the catalog and the values of its parameters to the
// request that is sent, shown and turned into code.

/**
 * A request is {method, path, url, headers, body, auth, values}; a header is
 * {name, value, shown}. A value is null where the browser adds it itself;
 * shown, where given, is what to show instead of a credential. Parameters
 * without a value are left out.
 */
export function buildRequest(catalog, endpoint, values, key = '') {
  let path = catalog.base_path + endpoint.path;
  const query = new URLSearchParams();
  const headers = [];
  let body = null;
  for (const parameter of endpoint.parameters) {
    const value = values[parameter.name];
    if (parameter.in === 'path') {
      path = path.replace(`{${parameter.name}}`, encodeURIComponent(value ?? ''));
      continue;
    }
    if (parameter.in === 'body') body ??= {};
    if (value === undefined || value === '') continue;
    if (parameter.in === 'body') body[parameter.name] = value;
    if (parameter.in === 'query') query.set(parameter.name, value);
    if (parameter.in === 'header') headers.push({ name: parameter.name, value: String(value) });
  }
  if (query.size > 0) path += `?${query}`;
  if (body !== null) headers.unshift({ name: 'Content-Type', value: 'application/json' });
  if (endpoint.auth === 'key') {
    if (key !== '') headers.unshift({
      name: 'Authorization',
      value: `Bearer ${key}`,
      shown: `Bearer ${key.slice(0, catalog.key_prefix_chars)}${'•'.repeat(8)}`,
    });
  } else {
    headers.unshift({ name: 'Cookie', value: null, shown: `${catalog.session_cookie}=… (HttpOnly, added by the browser)` });
  }
  return {
    method: endpoint.method,
    path,
    url: location.origin + path,
    headers,
    body: body === null ? null : JSON.stringify(body),
    auth: endpoint.auth,
    values: body ?? {},
  };
}

/** Sends a request as it was built. */
export function send(request, signal) {
  return fetch(request.url, {
    method: request.method,
    headers: request.headers.filter((h) => h.value !== null).map((h) => [h.name, h.value]),
    body: request.body,
    credentials: request.auth === 'session' ? 'same-origin' : 'omit',
    cache: 'no-store',
    redirect: 'manual',
    signal,
  });
}
