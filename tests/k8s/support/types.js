// An object against the types that Kubernetes publishes, by way of the client library generated from them: a member that a type does
// not have, or a value of another kind, is an error. The API server of a cluster would drop the first without a word.
import * as models from '@kubernetes/client-node/dist/gen/models/all.js';

// Types that have no model of their own: anything, or text and numbers in their own notation.
const open = new Set(['any', 'object', 'IntOrString', 'Date', 'V1MicroTime', 'Quantity', 'Set<string>']);

function wrong(value, type, at) {
  if (value === null || value === undefined) return [`${at}: nothing`];
  if (open.has(type)) return [];
  if (['string', 'number', 'boolean'].includes(type)) return typeof value === type ? [] : [`${at}: ${typeof value} instead of ${type}`];
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined)
    return Array.isArray(value) ? value.flatMap((one, i) => wrong(one, item, `${at}[${i}]`)) : [`${at}: no list`];
  if (typeof value !== 'object' || Array.isArray(value)) return [`${at}: no object`];
  const member = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (member !== undefined) return Object.entries(value).flatMap(([key, one]) => wrong(one, member, `${at}.${key}`));
  return wrongMembers(value, type, at);
}

function wrongMembers(value, type, at) {
  const model = models[type];
  if (model === undefined) return [`${at}: Kubernetes has no ${type}`];
  const types = new Map(model.getAttributeTypeMap().map((attribute) => [attribute.baseName, attribute.type]));
  return Object.entries(value).flatMap(([key, one]) =>
    types.has(key) ? wrong(one, types.get(key), `${at}.${key}`) : [`${at}.${key}: ${type} has no such member`]);
}

// All that is wrong with an object, as sentences.
export function errorsOf(object) {
  const version = object.apiVersion.split('/').at(-1);
  const type = version[0].toUpperCase() + version.slice(1) + object.kind;
  return wrong(object, type, `${object.kind}/${object.metadata?.name}`);
}
