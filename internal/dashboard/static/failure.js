// Why a request of the journal has failed, and the fault by which another one fails in
// the same way, in the notation of the control API.

import { EventParser } from './sse.js';

// By the function that makes a fault in Go, as the journal names it.
const notations = {
  Status: (status, code) => (code ? `${status}:${code}` : status),
  RateLimit: (after) => (after ? `429:${after}` : '429'),
  HTML: (status) => `html:${status}`,
  Reset: () => 'reset',
  Delay: (time) => `delay:${time}`,
  LegacyError: (status, code) => `legacy:${status}:${code}`,
  StreamError: (code, after) => `error:${code}:${after}`,
  StreamCut: (after) => `cut:${after}`,
  StreamStall: (after) => `stall:${after}`,
  StreamMalformed: (after) => `malformed:${after}`,
  StreamSplit: (after) => `split:${after}`,
  StreamUnended: (after) => `unended:${after}`,
  Lookup: (what) => `lookup:${what}`,
  GatewayDown: () => 'gateway:down',
  GatewayNotJSON: () => 'gateway:not-json',
};

/** A fault of the journal in the notation, without what it was aimed at; as it is if it has none. */
export function notation(fault) {
  const [, name, text] = /^Fault(\w+)\(((?:"(?:[^"\\]|\\.)*"|[^")])*)\)/.exec(fault) ?? [];
  const write = notations[name];
  if (!write) return fault;
  return write(...(text.match(/"(?:[^"\\]|\\.)*"|[^,\s]+/g) ?? []).map((word) => (word.startsWith('"') ? unquoted(word) : word)));
}

function unquoted(word) {
  try {
    return JSON.parse(word);
  } catch {
    return word.slice(1, -1); // an escape of Go that JSON has not
  }
}

/** A header of a reply; '' if it has none. */
export const header = ({ reply_headers: headers }, name) => headers?.[name]?.[0] ?? '';

export const isStream = (request) => header(request, 'Content-Type').startsWith('text/event-stream');

/** The events of a stream: [{seconds, kind, data}]. */
export function eventsOf({ reply, reply_times_ms: times = [] }) {
  const parser = new EventParser();
  const events = [];
  let lines = 0; // with data
  for (const line of reply.split('\n')) {
    if (line.startsWith('data')) lines += 1;
    for (const data of parser.push(`${line}\n`)) {
      events.push({ seconds: (times[lines - 1] ?? times.at(-1) ?? 0) / 1000, kind: kindOf(data), data });
    }
  }
  return events;
}

function kindOf(data) {
  if (data === '[DONE]') return 'done';
  const event = parsed(data);
  if (event === undefined) return 'malformed';
  if (typeof event?.content === 'string') return 'content';
  return event?.error ? 'error' : 'other';
}

function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** What became of a request: {failed, repeat, reasons}. repeat is the fault; '' if there is none. */
export function outcome(request) {
  const { fault, error } = request;
  const seen = request.duration_ms === 0 ? underWay(request) : ended(request);
  const reasons = [...seen.reasons];
  if (fault) reasons.unshift(`The fault ${notation(fault)} was played${request.agent ? '' : ': no agent ran'}.`);
  if (error && !(fault && error.endsWith('by a fault'))) reasons.push(`The client was not told: ${error}`);
  return { failed: seen.repeat !== '' || Boolean(fault), repeat: fault ? notation(fault) : seen.repeat, reasons };
}

const underWay = ({ status }) => ({ repeat: '', reasons: [status ? 'The reply is under way.' : 'The request is being handled.'] });

function ended(request) {
  const { status, reply, error } = request;
  if (!status) {
    return /context canceled|client/.test(error ?? '') ? { repeat: '', reasons: ['The client left before there was a reply.'] }
      : { repeat: 'reset', reasons: ['There was no reply: the connection was closed.'] };
  }
  if (status < 400) return isStream(request) ? endedStream(request) : { repeat: '', reasons: [] };
  const body = parsed(reply)?.error;
  const message = typeof body === 'string' ? body : body?.message;
  const reasons = [`The reply says: ${message ?? `status ${status}`}`];
  if (body === undefined && header(request, 'Content-Type').startsWith('text/html')) return { repeat: `html:${status}`, reasons: ['The reply is an HTML page, as proxies send.'] };
  const after = header(request, 'Retry-After');
  const legacy = typeof body === 'string' ? parsed(reply).code : undefined;
  const word = (code) => (/^\w+$/.test(code ?? '') ? `:${code}` : '');
  if (word(legacy)) return { repeat: `legacy:${status}${word(legacy)}`, reasons };
  if (status === 429 && after) return { repeat: `429:${after}`, reasons: (message ?? '').includes(after) ? reasons : [...reasons, `Its Retry-After is ${after}.`] };
  return { repeat: `${status}${word(body?.code)}`, reasons };
}

function endedStream(request) {
  if (request.reply_omitted) return { repeat: '', reasons: [] }; // its end is not known
  const events = eventsOf(request);
  const chunks = events.filter(({ kind }) => kind === 'content').length;
  const after = `after ${chunks} ${chunks === 1 ? 'chunk' : 'chunks'}`;
  const failed = events.find(({ kind }) => kind === 'error');
  if (failed) {
    const { code = 'stream_error', message = '' } = parsed(failed.data).error;
    return { repeat: `error:${code}:${chunks}`, reasons: [`The stream reported ${code} ${after}: ${message}`] };
  }
  const broken = events.findIndex(({ kind }) => kind === 'malformed');
  if (broken >= 0) return { repeat: `malformed:${broken}`, reasons: [`The stream had an event that is not JSON after ${broken} events.`] };
  if (events.at(-1)?.kind === 'done') return { repeat: '', reasons: [] };
  if (/context canceled|client/.test(request.error ?? '')) return { repeat: '', reasons: [`The client left ${after}.`] };
  return request.error ? { repeat: `cut:${chunks}`, reasons: [`The connection was closed ${after}, without [DONE].`] }
    : { repeat: `unended:${chunks}`, reasons: [`The stream ended ${after}, without [DONE].`] };
}
