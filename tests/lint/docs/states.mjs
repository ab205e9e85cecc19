// The state diagrams of docs/data-model.md against the tables of transitions in the code.

function arrowsDrawn(text, title) {
  const section = text.slice(text.indexOf(`## ${title}`));
  const diagram = /```mermaid\nstateDiagram-v2\n([^]*?)```/.exec(section)?.[1] ?? '';
  return new Set([...diagram.matchAll(/^\s*(\w+) --> (\w+)/gm)].map(([, from, to]) => `${from} --> ${to}`));
}
// Rows {X_FROM, X_EVENT, X_TO...} of a table; a state that stays as it is is no arrow.
function arrowsMade(code, prefix) {
  const rows = [...code.matchAll(new RegExp(`\\{${prefix}_(\\w+), ${prefix}_\\w+, ${prefix}_(\\w+)[,}]`, 'g'))];
  return new Set(rows.filter(([, from, to]) => from !== to).map(([, from, to]) => `${from} --> ${to}`));
}

/**
 * @param {string} text of the data model
 * @param {{ title: string, code: string, prefix: string }[]} machines
 */
export function compareStates(text, machines) {
  return machines.flatMap(({ title, code, prefix }) => {
    const drawn = arrowsDrawn(text, title);
    const made = arrowsMade(code, prefix);
    return [
      ...(made.size === 0 ? [`no transitions found for "${title}"`] : []),
      ...[...made].filter((arrow) => !drawn.has(arrow)).map((arrow) => `"${title}" misses ${arrow}`),
      ...[...drawn].filter((arrow) => !made.has(arrow)).map((arrow) => `"${title}" has ${arrow}, which the code has not`),
    ];
  });
}
