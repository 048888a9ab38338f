// The ids that replies told, to be offered where a path asks for one.

import { plain } from './safe.js';

const most = 100; // of a group
const known = new Map(); // by group: ids with their labels, newest last

/** What there is of a group: [{value, label}], newest first. */
export const seen = (group) => [...known.get(group) ?? []].reverse().map(([value, label]) => ({ value, label }));

/** Takes the ids out of the reply to a list or a creation. */
export function learn({ endpoint, status, body }) {
  if (status !== 200 || !/\.(list|create|upload)$/.test(endpoint.id)) return;
  let reply;
  try {
    reply = JSON.parse(body);
  } catch {
    return; // a fault's
  }
  const ids = known.get(endpoint.group) ?? new Map();
  const objects = [reply, ...Object.values(reply ?? {}).flat()].filter((value) => value && typeof value === 'object');
  for (const object of objects.reverse()) {
    const id = object.id ?? object.batch_id ?? object.file_id;
    if (typeof id !== 'string') continue;
    ids.delete(id);
    ids.set(id, plain(object.name ?? object.filename ?? object.title ?? ''));
  }
  known.set(endpoint.group, new Map([...ids].slice(-most)));
}
