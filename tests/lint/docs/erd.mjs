// The diagram of docs/data-model.md against the tables that the migrations make.

// Splits at commas that stand in no parenthesis.
function parts(text) {
  const found = [''];
  let depth = 0;
  for (const c of text) {
    if (c === '(') depth += 1;
    if (c === ')') depth -= 1;
    if (c === ',' && depth === 0) found.push('');
    else found[found.length - 1] += c;
  }
  return found.map((part) => part.trim()).filter(Boolean);
}

const types = { integer: 'int', 'timestamp with time zone': 'timestamptz', boolean: 'bool' };
const noColumn = /^(constraint|check|primary|unique|foreign|exclude|like)\b/i;

function column(definition) {
  const [, name, type] = /^"?(\w+)"?\s+(\w+)/.exec(definition) ?? [];
  return [name, { type: types[type?.toLowerCase()] ?? type?.toLowerCase(), key: /\bprimary key\b/i.test(definition) }];
}

/**
 * @param {{ file: string, sql: string }[]} migrations in the order of their names
 * @returns {Map<string, Map<string, { type: string, key: boolean }>>}
 */
export function tablesOf(migrations) {
  const tables = new Map();
  for (const { sql } of migrations) {
    const code = sql.replace(/--.*$/gm, '').replace(/'(?:[^']|'')*'/g, "''");
    for (const statement of code.split(';').map((s) => s.trim())) {
      const made = /^create (?:unlogged )?table (?:if not exists )?(\w+) \(([^]*)\)(?!.*\()/i.exec(statement);
      if (made !== null) {
        const columns = new Map();
        tables.set(made[1], columns);
        for (const part of parts(made[2]))
          if (!noColumn.test(part)) columns.set(...column(part));
          else for (const name of /primary key \(([^)]*)\)/i.exec(part)?.[1].split(',') ?? []) columns.get(name.trim()).key = true;
      }
      const changed = /^alter table (?:only )?(\w+)\s([^]*)$/i.exec(statement);
      for (const part of changed === null ? [] : parts(changed[2])) {
        const columns = tables.get(changed[1]);
        const added = /^add (?:column )?(?:if not exists )?([^]*)$/i.exec(part);
        const dropped = /^drop column (?:if exists )?(\w+)/i.exec(part);
        const renamed = /^rename (?:column )?(\w+) to (\w+)/i.exec(part);
        if (added !== null && !noColumn.test(added[1])) columns.set(...column(added[1]));
        if (dropped !== null) columns.delete(dropped[1]);
        if (renamed !== null) { columns.set(renamed[2], columns.get(renamed[1])); columns.delete(renamed[1]); }
      }
      const gone = /^drop table (?:if exists )?(\w+)/i.exec(statement);
      if (gone !== null) tables.delete(gone[1]);
    }
  }
  return tables;
}

function diagramOf(text) {
  const diagram = /```mermaid\nerDiagram\n([^]*?)```/.exec(text)?.[1] ?? '';
  const tables = new Map();
  for (const [, name, body] of diagram.matchAll(/^\s*(\w+) \{([^}]*)\}/gm)) {
    const columns = new Map();
    for (const line of body.trim().split('\n')) {
      const [type, column, key] = line.trim().split(/\s+/);
      columns.set(column, { type, key: (key ?? '').split(',').includes('PK') });
    }
    tables.set(name.toLowerCase(), columns);
  }
  return tables;
}

/**
 * @param {string} text of the data model
 * @param {{ file: string, sql: string }[]} migrations
 */
export function compareDiagram(text, migrations) {
  const faults = [];
  const drawn = diagramOf(text);
  const made = tablesOf(migrations);
  for (const name of drawn.keys())
    if (!made.has(name)) faults.push(`draws ${name}, which no migration makes`);
  for (const [name, columns] of made) {
    const shown = drawn.get(name);
    if (shown === undefined) { faults.push(`does not draw ${name}`); continue; }
    for (const [column, { type, key }] of columns) {
      const is = shown.get(column);
      if (is === undefined) faults.push(`${name} misses "${type} ${column}"`);
      else if (is.type !== type || is.key !== key) faults.push(`${name}.${column} is "${type}${key ? ' PK' : ''}" in the migrations`);
    }
    for (const column of shown.keys())
      if (!columns.has(column)) faults.push(`${name} has no ${column}`);
  }
  return faults;
}
