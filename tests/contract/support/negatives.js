// Wrong requests, made from what the document says of right ones. Each: { name, path, options, due: [status, code] }.
import { randomUUID } from 'node:crypto';

export const bodyBytesMax = 16384;
const notFound = { concert_id: 'CONCERT_NOT_FOUND', reservation_id: 'RESERVATION_NOT_FOUND', payment_id: 'PAYMENT_NOT_FOUND' };

// Fills the path; `values` by name.
export function fill(path, values) {
  return path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
}

const invalid = [400, 'INVALID_REQUEST'];

function wrongValues(schema) {
  const wrong = [['null', null], ['an object', {}], ['an array', [1]], ['true', true]];
  if (schema.type === 'integer') {
    wrong.push(['text', '1'], ['a fraction', 1.5]);
    if (schema.minimum !== undefined) wrong.push(['below the least', schema.minimum - 1]);
    if (schema.maximum !== undefined) wrong.push(['above the most', schema.maximum + 1]);
  } else {
    wrong.push(['a number', 7], ['empty', '']);
    if (schema.format === 'uuid') wrong.push(['a short UUID', randomUUID().slice(1)], ['no UUID', 'x'.repeat(36)]);
    if (schema.format === 'date') wrong.push(['no day', '2026-02-30'], ['a time', '2026-12-01T00:00:00Z']);
    if (schema.pattern !== undefined) wrong.push(['bad letters', 'A b']);
    if (schema.maxLength !== undefined) wrong.push(['too long', 'a'.repeat(schema.maxLength + 1)]);
  }
  return wrong;
}

export function ofBody(document, operation, good) {
  const schema = document.bodySchema(operation);
  if (schema === undefined) return [];
  const members = Object.entries(schema.properties);
  const text = JSON.stringify(good);
  const [first] = members[0];
  const all = [
    { name: 'an unknown member', body: { ...good, colour: 'red' } },
    { name: 'a member twice', body: `{${JSON.stringify(first)}:${JSON.stringify(good[first])},${text.slice(1)}` },
    { name: 'no body', body: '' },
    { name: 'no JSON', body: text.slice(0, -1) },
    { name: 'an array', body: [good] },
    { name: 'text behind it', body: `${text}1` },
    { name: 'a body too deep', body: `{"a":${'['.repeat(4000)}${']'.repeat(4000)}}` },
    { name: 'a body one byte too large', body: text.padEnd(bodyBytesMax + 1), due: [413, 'BODY_TOO_LARGE'] },
    { name: 'another content type', body: text, headers: { 'content-type': 'text/plain' }, due: [415, 'UNSUPPORTED_MEDIA_TYPE'] },
  ];
  for (const name of schema.required) {
    const { [name]: _, ...rest } = good;
    all.push({ name: `no ${name}`, body: rest, pointer: `/${name}` });
  }
  for (const [name, of] of members)
    for (const [what, value] of wrongValues(of))
      all.push({ name: `${name}: ${what}`, body: { ...good, [name]: value }, pointer: `/${name}` });
  return all.map((wrong) => ({ due: invalid, ...wrong }));
}

export function ofParameters(operation, values) {
  const all = [];
  const path = fill(operation.path, values);
  const query = operation.parameters.filter((p) => p.in === 'query');
  for (const { name, schema } of query) {
    if (name === 'page_token') all.push([name, 'forged', 'forged-token']);
    if (schema.type === 'integer') all.push([name, 'too few', schema.minimum - 1], [name, 'too many', schema.maximum + 1], [name, 'text', 'ten']);
    if (schema.format === 'date') all.push([name, 'no day', '2026-02-30']);
    if (schema.enum) all.push([name, 'unknown', 'upside-down']);
  }
  const wrong = all.map(([name, what, value]) => ({ name: `?${name}: ${what}`, path: `${path}?${name}=${value}`, due: invalid }));
  if (query.length > 0) wrong.push({ name: 'an unknown parameter', path: `${path}?colour=red`, due: invalid, pointer: '?colour' });
  for (const { name, schema } of operation.parameters.filter((p) => p.in === 'path')) {
    const bad = schema.format === 'date' ? '2026-13-01' : schema.pattern === undefined ? 'not-a-uuid' : 'Not One';
    if (schema.format === undefined && schema.pattern === undefined) continue;
    wrong.push({ name: `{${name}}: malformed`, path: fill(operation.path, { ...values, [name]: bad }), due: invalid, pointer: `{${name}}` });
    if (name in notFound)
      wrong.push({ name: `{${name}}: unknown`, path: fill(operation.path, { ...values, [name]: randomUUID() }), due: [404, notFound[name]] });
  }
  return wrong;
}

export function ofKey(operation) {
  const key = operation.parameters.find((p) => p.name === 'Idempotency-Key');
  if (key === undefined) return [];
  const due = [400, 'IDEMPOTENCY_KEY_REQUIRED'];
  const wrong = [
    { name: 'a key too long', key: 'k'.repeat(key.schema.maxLength + 1), due },
    { name: 'a key with a blank', key: 'a b', due },
  ];
  if (key.required) wrong.push({ name: 'no key', key: undefined, due });
  return wrong;
}
