// The SDK's method for a request, if it has one that says all of it.

import { quote } from './words.js';

const print = 'fmt.Printf("%+v\\n", reply)';

// By method and path, * for an id: the call, whose first argument is the
// context, and what is done with its result ("none" for methods that return an
// error only).
const methods = {
  'POST /v1/chat': ({ values }) => fields(values, { message: 'Message', agent: 'Agent', session_id: 'SessionID' }, 'ChatRequest', ['stream'], (literal) => (values.stream
    ? [`ChatStream(, ${literal})`, 'stream'] : [`Chat(, ${literal})`, 'fmt.Println(reply.Response)'])),
  'GET /v1/health': () => ['Health()', print],
  'GET /v1/usage': ({ query }) => only(query, ['days']) && [`Usage(, ${query.get('days') ?? 0})`, print],
  'GET /v1/agents': page('Agents.List'),
  'GET /v1/agents/*': byID('Agents.Get'),
  'DELETE /v1/agents/*': byID('Agents.Undeploy', 'none'),
  'GET /v1/models': () => ['Models.List()', print],
  'GET /v1/conversations/*/messages': page('Conversations.Messages'),
  'GET /v1/threads': page('Threads.List'),
  'GET /v1/threads/*': byID('Threads.Get'),
  'DELETE /v1/threads/*': byID('Threads.Delete', 'none'),
  'GET /v1/threads/*/messages': page('Threads.Messages'),
  'POST /v1/threads/*/messages': ({ ids: [id], values }) => fields(values, { message: '' }, '', [],
    () => [`Threads.Send(, ${quote(id)}, ${quote(values.message ?? '')})`, 'fmt.Println(reply.Response)']),
  'GET /v1/chat/batch/*': byID('Batches.Get'),
  'GET /v1/files': page('Files.List'),
  'GET /v1/files/*': byID('Files.Get'),
  'DELETE /v1/files/*': byID('Files.Delete', 'none'),
  'GET /keys': () => ['Keys.List()', print],
  'DELETE /keys/*': byID('Keys.Revoke', 'none'),
  'GET /webhooks': () => ['Webhooks.List()', print],
  'GET /webhooks/stats': () => ['Webhooks.Stats()', print],
  'DELETE /webhooks/*': byID('Webhooks.Delete', 'none'),
  'POST /webhooks/*/test': byID('Webhooks.Test'),
  'GET /webhooks/*/deliveries': byID('Webhooks.Deliveries'),
  'POST /webhooks/*/deliveries/*/replay': byID('Webhooks.Replay'),
};

/** {call, result} for a request, or null. */
export function method({ method: verb, url, values }) {
  const { pathname, searchParams: query } = new URL(url);
  const path = pathname.slice(pathname.indexOf('/', 1)).split('/').map(decodeURIComponent); // below the base path
  for (const [pattern, say] of Object.entries(methods)) {
    const [wanted, shape] = pattern.split(' ');
    const segments = shape.split('/');
    if (wanted !== verb || segments.length !== path.length || !segments.every((s, i) => s === path[i] || (s === '*' && path[i] !== ''))) continue;
    const said = say({ ids: path.filter((_, i) => segments[i] === '*'), query, values });
    return said ? { call: said[0], result: said[1] } : null;
  }
  return null;
}

// Whether a query has whole numbers for these parameters, and no others. 0 is a
// default of the SDK's, which for an offset is the same.
const only = (query, names) => [...query].every(([name, value]) => names.includes(name)
  && (/^[1-9]\d*$/.test(value) || (name === 'offset' && value === '0')));

function byID(name, result = print) {
  return ({ ids, query }) => only(query, []) && [`${name}(${ids.map((id) => `, ${quote(id)}`).join('')})`, result];
}

function page(name) {
  return ({ ids, query }) => {
    if (!only(query, ['limit', 'offset'])) return null;
    const options = [['Limit', 'limit'], ['Offset', 'offset']].filter(([, n]) => query.has(n)).map(([field, n]) => `${field}: ${query.get(n)}`);
    return [`${name}(${ids.map((id) => `, ${quote(id)}`).join('')}, clawhq.ListOptions{${options.join(', ')}})`, print];
  };
}

// say(literal), if all of a body's values are texts that a request type has
// fields for; those ignored are not looked at.
function fields(values, known, type, ignored, say) {
  if (!values || !Object.entries(values).every(([name, value]) => ignored.includes(name) || (name in known && typeof value === 'string'))) return null;
  if (values.stream !== undefined && typeof values.stream !== 'boolean') return null;
  const present = Object.entries(known).filter(([name]) => values[name] !== undefined);
  const width = Math.max(0, ...present.map(([, field]) => field.length)) + 1;
  const literal = present.map(([name, field]) => `\n\t\t${`${field}:`.padEnd(width)} ${quote(values[name])},`).join('');
  return say(`clawhq.${type}{${literal}${literal && '\n\t'}}`);
}
