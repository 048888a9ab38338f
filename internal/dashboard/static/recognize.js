// From a request as it was on the wire to the form that makes it.

/** The endpoint for what no other endpoint's form can say. */
export const anyRequest = {
  id: 'any', group: 'Any request', name: 'Any request', method: '', path: '', auth: 'key',
  description: 'Sends exactly what you write. The key is used for paths below /v1/, this page\'s session for all others.',
  parameters: [
    { name: 'method', in: 'method', type: 'string', required: true, default: 'POST', options: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'], description: 'The HTTP method.' },
    { name: 'path', in: 'target', type: 'string', required: true, default: '/api/v1/chat', pattern: '/\\S*', malformed: 'Must begin with a slash and contain no spaces.', description: 'The path with its query, such as /api/v1/agents?limit=5.' },
    { name: 'headers', in: 'headers', type: 'string', multiline: true, default: 'Content-Type: application/json', pattern: '(?:[\\w!#$%&\'*+.^`|~-]+:[^\\n]*(?:\\n+|$))*', malformed: 'Write one header per line, as Name: value.', description: 'One header per line. The browser adds Host, User-Agent and some others.' },
    { name: 'body', in: 'content', type: 'string', multiline: true, default: '', description: 'Sent exactly as written. GET and HEAD have no body.' },
  ],
};

// What the browser says itself, and credentials.
const unsaid = /^(?:accept|accept-encoding|accept-language|authorization|cache-control|connection|content-length|cookie|host|keep-alive|origin|pragma|priority|referer|te|trailer|transfer-encoding|upgrade|user-agent|via|x-dashboard-token|x-forwarded-.*|(?:proxy|sec)-.*)$/i;

/** The headers that a person chose, as a list of [name, value]. */
export function chosenHeaders(headers = []) {
  const list = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return list.flatMap(([name, values]) => [values].flat().map((value) => [name, String(value)])).filter(([name]) => !unsaid.test(name));
}

/** {endpoint, values, raw}: the form for a request, as openPlayground takes it; raw is a body to be written by hand. */
export function recognize(catalog, request) {
  const { method, path, query = '', body = '' } = request;
  const headers = chosenHeaders(request.headers);
  const search = new URLSearchParams(query);
  const fits = catalog.endpoints.map((endpoint) => said(catalog, endpoint, { method, path, search, headers, body: body ?? '' })).filter(Boolean);
  const byDefault = ({ endpoint, values }) => endpoint.parameters.every((p) => p.type !== 'boolean' || Boolean(values[p.name]) === Boolean(p.default));
  return fits.find(byDefault) ?? fits[0] ?? {
    endpoint: anyRequest,
    values: {
      method, path: path + (search.size > 0 ? `?${search}` : ''), body: body ?? '',
      headers: headers.map(([name, value]) => `${name}: ${value}`).join('\n'),
    },
  };
}

// The form of one endpoint for a request, or null if it cannot say all of it.
function said(catalog, endpoint, { method, path, search, headers, body }) {
  const values = endpoint.method === method ? ids(catalog.base_path + endpoint.path, path) : null;
  if (!values) return null;
  const parameters = new Map(endpoint.parameters.map((p) => [`${p.in} ${p.name.toLowerCase()}`, p]));
  const others = [
    ...[...search].map(([name, value]) => ['query', name, value]),
    ...headers.filter(([name, value]) => !(name.toLowerCase() === 'content-type' && value.startsWith('application/json'))).map(([name, value]) => ['header', name, value]),
  ];
  for (const [place, name, value] of others) {
    const parameter = parameters.get(`${place} ${name.toLowerCase()}`);
    if (!parameter || parameter.name in values || value === '') return null;
    values[parameter.name] = value;
  }
  const takesBody = endpoint.parameters.some((p) => p.in === 'body');
  if (!takesBody) return body === '' && !endpoint.parameters.some((p) => p.in === 'form') ? { endpoint, values } : null;
  const fields = fieldsOf(endpoint, body);
  return fields ? { endpoint, values: { ...values, ...fields } } : { endpoint, values, raw: body };
}

// The values of a path's parameters, or null if it is another path.
function ids(template, path) {
  const [wanted, given] = [template.split('/'), path.split('/')];
  const values = {};
  const same = wanted.length === given.length && wanted.every((segment, i) => {
    const name = /^\{(.+)\}$/.exec(segment)?.[1];
    if (!name) return segment === given[i];
    try {
      values[name] = decodeURIComponent(given[i]);
    } catch {
      return false;
    }
    return given[i] !== '';
  });
  return same ? values : null;
}

// The members of a body, or null if the endpoint's form cannot say them.
function fieldsOf(endpoint, body) {
  let fields;
  try {
    fields = JSON.parse(body);
  } catch {
    return null;
  }
  if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) return null;
  const known = new Map(endpoint.parameters.filter((p) => p.in === 'body').map((p) => [p.name, p]));
  const sayable = ({ type, options }, value) => (!options || options.includes(value))
    && (type === 'json' || (type === 'boolean' && value === true) || (type === 'integer' && Number.isInteger(value)) || (type === 'string' && typeof value === 'string' && value !== ''));
  return Object.entries(fields).every(([name, value]) => known.has(name) && sayable(known.get(name), value)) ? fields : null;
}
