// The document as a judge: which operation a request was, and whether the answer is one that the document promises.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const methods = ['get', 'post', 'put', 'delete', 'patch'];

// Answers may grow for clients, but not behind the document's back: here its objects are closed.
export class Document {
  static async load(file) {
    const document = new Document();
    document.root = JSON.parse(await readFile(file, 'utf8'));
    document.ajv = addFormats(new Ajv({ strict: false, allErrors: true }));
    document.ajv.addSchema(document.root, 'document');
    document.operations = document.#listOperations();
    document.seen = new Set();
    return document;
  }

  #listOperations() {
    const all = [];
    for (const [path, item] of Object.entries(this.root.paths))
      for (const method of methods.filter((name) => name in item)) {
        const operation = item[method];
        const parameters = (operation.parameters ?? []).map((p) => this.resolve(p));
        const names = path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
        all.push({ ...operation, path, method: method.toUpperCase(), parameters, pattern: new RegExp(`^${names}$`) });
      }
    return all;
  }

  resolve(node) {
    if (node?.$ref === undefined) return node;
    const target = node.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/')], this.root);
    return this.resolve(target);
  }

  operation(id) {
    const found = this.operations.find(({ operationId }) => operationId === id);
    assert.ok(found, `the document has no operation ${id}`);
    return found;
  }

  find(method, path) {
    const bare = path.split('?')[0];
    return this.operations.find((o) => o.method === method && o.pattern.test(bare));
  }

  // The schema of an operation's JSON body, without references at its first two levels.
  bodySchema(operation) {
    const schema = this.resolve(operation.requestBody?.content['application/json'].schema);
    if (schema === undefined) return undefined;
    const properties = Object.entries(schema.properties).map(([name, value]) => [name, this.resolve(value)]);
    return { ...schema, properties: Object.fromEntries(properties) };
  }

  #validate(schema, value, what) {
    const check = this.ajv.compile(this.#absolute(schema));
    if (!check(value))
      assert.fail(`${what}: ${this.ajv.errorsText(check.errors)}\n${JSON.stringify(value)}`);
  }
  // References of a part of the document, as seen from outside it.
  #absolute(schema) {
    return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/'));
  }

  // Throws unless the answer is one of the operation's; an address that is none is RouteNotFound and its like.
  check(method, path, answer) {
    const operation = this.find(method, path);
    const what = `${method} ${path} -> ${answer.status}`;
    if (operation === undefined) return this.#checkResponse(this.#responseOfNobody(answer, what), answer, what);
    const response = this.resolve(operation.responses[String(answer.status)]);
    assert.ok(response, `${what} is not in the document: ${JSON.stringify(answer.body)}`);
    this.#checkResponse(response, answer, what);
    const code = answer.body?.code;
    this.seen.add(`${operation.operationId} ${answer.status}${code === undefined ? '' : ` ${code}`}`);
    return operation;
  }

  #responseOfNobody(answer, what) {
    const name = { 404: 'RouteNotFound', 405: 'MethodNotAllowed' }[answer.status];
    assert.ok(name, `${what}: no such operation, and yet an answer`);
    return this.root.components.responses[name];
  }

  // Throws unless the event is one that the stream's operation promises.
  checkEvent(operation, { event, data }) {
    const { 'x-events': events } = operation.responses['200'].content['text/event-stream'];
    const what = `${operation.operationId}: event ${event}`;
    assert.ok(event in events, `${what} is not in the document`);
    this.#validate(events[event], data, what);
    this.seen.add(`${operation.operationId} 200`);
  }

  #checkResponse(response, answer, what) {
    for (const [name, header] of Object.entries(response.headers ?? {})) {
      const { required, schema } = this.resolve(header);
      const value = answer.headers.get(name);
      assert.ok(value !== null || !required, `${what}: no header ${name}`);
      if (value === null) continue;
      this.#validate(schema, schema.type === 'integer' ? Number(value) : value, `${what}: header ${name}`);
    }
    const type = (answer.headers.get('content-type') ?? '').split(';')[0];
    if (response.content === undefined) {
      assert.equal(answer.body, '', `${what}: a body where none is due`);
      return;
    }
    assert.ok(type in response.content, `${what}: content type ${type}`);
    if (type.endsWith('json')) this.#validate(response.content[type].schema, answer.body, what);
  }
}
