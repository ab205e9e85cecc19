// Draws openapi.json: operations by tag, their parameters, bodies, answers and examples, then the schemas.
import { byId, h, put } from './dom.js';

/** @typedef {any} Node_ a part of the document: its shape is checked where it is linted, not here */

const methods = ['get', 'post', 'put', 'patch', 'delete'];
/** @type {Node_} */
let root = {};

/** @param {Node_} node @returns {Node_} */
function resolve(node) {
  if (node?.$ref === undefined) return node;
  return resolve(node.$ref.slice(2).split('/').reduce((/** @type {Node_} */ at, /** @type {string} */ key) => at[key.replaceAll('~1', '/')], root));
}
/** @param {Node_} node */
function nameOf(node) {
  return node?.$ref?.startsWith('#/components/schemas/') ? node.$ref.split('/').pop() : undefined;
}
/** Text with `code` in it. @param {string} [text] */
function prose(text = '') {
  return text.split('`').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));
}

/** A schema in a few words; names are links. @param {Node_} schema @returns {(Node | string)[]} */
function kind(schema) {
  const name = nameOf(schema);
  if (name !== undefined) return [h('a', { href: `#${name}` }, name)];
  if (schema.allOf !== undefined) return kind(schema.allOf[0]);
  if (schema.type === 'array') return ['list of ', ...kind(schema.items)];
  const limits = [];
  if (schema.minimum !== undefined || schema.maximum !== undefined) limits.push(`${schema.minimum ?? ''}…${schema.maximum ?? ''}`);
  if (schema.minLength !== undefined || schema.maxLength !== undefined) limits.push(`${schema.minLength ?? 0}…${schema.maxLength ?? ''} characters`);
  if (schema.pattern !== undefined) limits.push(schema.pattern);
  if (schema.default !== undefined) limits.push(`default ${schema.default}`);
  const words = schema.const !== undefined ? `"${schema.const}"`
    : schema.enum !== undefined ? schema.enum.join(' | ') : schema.format ?? [schema.type].flat().join(' or ');
  return [words + (limits.length > 0 ? ` (${limits.join(', ')})` : '')];
}

/** @param {[string, Node_, boolean][]} rows name, schema, required @param {string} title */
function table(rows, title) {
  return h('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': title },
    h('table', {}, h('thead', {}, h('tr', {}, h('th', {}, 'Name'), h('th', {}, 'What'), h('th', {}, 'Meaning'))),
      h('tbody', {}, rows.map(([name, schema, required]) => h('tr', {},
        h('td', {}, h('code', {}, name), required ? '' : ' (optional)'),
        h('td', {}, kind(schema)),
        h('td', {}, prose(schema.description)))))));
}

/** @param {Node_} value */
function example(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return h('pre', { tabindex: 0, 'aria-label': 'Example' }, text);
}

/** @param {string} status @param {Node_} response */
function answer(status, response) {
  const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
  const examples = content === undefined ? [] : Object.entries(content.examples ?? { example: { value: content.example } });
  const headers = Object.entries(response.headers ?? {});
  return h('details', {},
    h('summary', {}, h('strong', {}, status), ' ', prose(response.description)),
    type && h('p', { class: 'quiet' }, type, content.schema && nameOf(content.schema) ? [': ', ...kind(content.schema)] : ''),
    headers.length > 0 && h('p', { class: 'quiet' }, 'Headers: ', headers.map(([name]) => name).join(', ')),
    examples.map(([name, one]) => [h('p', {}, h('code', {}, name)), example(resolve(one).value)]).flat());
}

/** @param {string} path @param {string} method @param {Node_} operation */
function draw(path, method, operation) {
  const parameters = (operation.parameters ?? []).map(resolve);
  const body = operation.requestBody && resolve(operation.requestBody).content['application/json'];
  const needs = operation.security?.length > 0 && operation.security.every((/** @type {object} */ one) => Object.keys(one).length > 0) ? 'Needs a token. ' : '';
  return h('section', { class: 'card operation', id: operation.operationId, 'aria-labelledby': `${operation.operationId}-title` },
    h('h3', { id: `${operation.operationId}-title` }, operation.summary),
    h('p', { class: 'address' }, h('span', { class: `method ${method.toUpperCase()}` }, method.toUpperCase()), path),
    (needs !== '' || operation.description) && h('p', {}, needs, prose(operation.description)),
    parameters.length > 0 && [h('h4', {}, 'Parameters'),
      table(parameters.map((/** @type {Node_} */ p) => [p.name, { ...p.schema, description: `${p.in}: ${p.description}` }, p.required === true]), `Parameters of ${operation.operationId}`)],
    body && [h('h4', {}, 'Body: ', ...kind(body.schema)), example(body.example)],
    h('h4', {}, 'Answers'),
    Object.entries(operation.responses).map(([status, response]) => answer(status, resolve(response))));
}

async function begin() {
  root = await (await fetch('/openapi.json')).json();
  const sheet = byId('document');
  const contents = byId('contents');
  document.title = `${root.info.title} API`;
  put(sheet, h('p', { class: 'lead' }, prose(root.info.description)));
  for (const tag of root.tags) {
    put(sheet, h('h2', { id: `tag-${tag.name}` }, `${tag.name}: ${tag.description}`));
    put(contents, h('h2', {}, tag.name));
    for (const [path, item] of Object.entries(root.paths))
      for (const method of methods.filter((name) => item[name]?.tags.includes(tag.name))) {
        put(sheet, draw(path, method, item[method]));
        put(contents, h('a', { href: `#${item[method].operationId}` }, item[method].summary));
      }
  }
  put(sheet, h('h2', {}, 'Schemas'));
  put(contents, h('h2', {}, 'Schemas'));
  for (const [name, schema] of Object.entries(root.components.schemas)) {
    put(contents, h('a', { href: `#${name}` }, name));
    put(sheet, h('section', { class: 'card operation', id: name, 'aria-labelledby': `${name}-title` },
      h('h3', { id: `${name}-title` }, name),
      schema.description && h('p', {}, prose(schema.description)),
      schema.properties
        ? table(Object.entries(schema.properties).map(([member, of]) => [member, of, schema.required?.includes(member) ?? false]), `Members of ${name}`)
        : h('p', {}, kind(schema))));
  }
  if (location.hash !== '') document.getElementById(location.hash.slice(1))?.scrollIntoView();
}
void begin();
