// The tables of docs/api.md: HTTP operations from the OpenAPI document, gRPC methods from the protos, codes from the statuses.

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** @param {any} document */
function resolver(document) {
  const resolve = (node) => (node?.$ref === undefined ? node
    : resolve(node.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)));
  return resolve;
}

// The codes that a refusal may carry.
function codesOf(resolve, response) {
  const schema = response.content?.['application/problem+json']?.schema;
  const parts = schema === undefined ? [] : [schema, ...(schema.allOf ?? [])].map(resolve);
  return parts.flatMap((part) => {
    const code = part.properties?.code;
    return code?.enum ?? (code?.const === undefined ? [] : [code.const]);
  });
}

function row(cells) {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ').trim()).join(' | ')} |`;
}

// Refusals that any operation with their condition may give are told once, above the table.
const common = new Set(['TOKEN_REQUIRED', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'INVALID_REQUEST', 'BODY_TOO_LARGE', 'HEADER_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE', 'NOT_YOUR_TURN', 'RATE_LIMITED', 'OVERLOADED', 'UNAVAILABLE', 'CONFLICT', 'TIMEOUT', 'INTERNAL', 'CONSTRAINT_VIOLATED']);

function httpTable(document) {
  const resolve = resolver(document);
  const rows = [];
  for (const [path, item] of Object.entries(document.paths))
    for (const method of methods.filter((name) => item[name] !== undefined)) {
      const operation = item[method];
      const answers = Object.entries(operation.responses).map(([status, response]) => [status, resolve(response)]);
      const codes = answers.flatMap(([, response]) => codesOf(resolve, response));
      const schemes = (operation.security ?? []).flatMap((one) => Object.keys(one));
      const needs = schemes.includes('queueToken') ? (codes.includes('NOT_YOUR_TURN') ? 'one\'s turn' : 'a token')
        : schemes.includes('operatorSecret') ? 'the operator\'s secret' : schemes.includes('identity') ? 'an identity, if set' : '-';
      const good = answers.filter(([status]) => status < '300').map(([status]) => status).join(', ');
      const special = [...new Set(codes)].filter((code) => !common.has(code));
      rows.push(row([`\`${method.toUpperCase()} ${path}\``, operation.summary, needs, good, special.map((code) => `\`${code}\``).join(' ')]));
    }
  return ['| call | what | needs | answer | its own refusals |', '|---|---|---|---|---|', ...rows].join('\n');
}

function grpcTable(protos) {
  const rows = [];
  for (const proto of protos) {
    const service = /^service (\w+) \{\n([^]*?)^\}/m.exec(proto);
    const name = /^package ([\w.]+);/m.exec(proto)?.[1];
    if (service === null || name === undefined) continue;
    let comment = [];
    for (const line of service[2].split('\n')) {
      const said = /^\s*\/\/ ?(.*)$/.exec(line);
      if (said !== null) { comment.push(said[1]); continue; }
      const rpc = /^\s*rpc (\w+)\((\w+)\) returns \((stream )?(\w+)\)/.exec(line);
      if (rpc !== null) rows.push(row([`\`${name}.${service[1]}/${rpc[1]}\``, rpc[3] === undefined ? '' : 'stream', comment.join(' ')]));
      comment = [];
    }
  }
  return ['| method | | what |', '|---|---|---|', ...rows].join('\n');
}

function codeTable(statuses) {
  const pattern = /^STATUS\((\w+),\s*(\w+),\s*(\d+),\s*(true|false),\s*"([^"]*)",\s*"([^"]*)"\)/gm;
  const rows = [...statuses.matchAll(pattern)].filter(([, name]) => name !== 'OK')
    .map(([, name, grpc, http, again, en, ko]) => row([`\`${name}\``, http, grpc, again === 'true' ? 'yes' : 'no', en, ko]));
  return ['| code | HTTP | gRPC | may be sent again as it is | English | Korean |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

/** @param {{ document: any, protos: string[], statuses: string }} sources */
export function apiTables({ document, protos, statuses }) {
  return { http: httpTable(document), grpc: grpcTable(protos), codes: codeTable(statuses) };
}
