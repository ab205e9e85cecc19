// The README and its translation: the same headings in the same order, the same commands, diagrams, tables and links.

function shape(text) {
  const blocks = [...text.matchAll(/^```(\w*)\n([^]*?)^```/gm)].map(([, kind, code]) => ({ kind, code }));
  const rest = text.replace(/^```[^]*?^```/gm, '');
  return {
    headings: [...rest.matchAll(/^(#{1,6}) (.*)$/gm)].map(([, level, title]) => ({ level: level.length, title })),
    blocks,
    commands: new Set([...rest.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code)),
    links: [...rest.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target).filter((target) => !/^README(\.ko)?\.md$/.test(target)),
    // Of a table's row, what stands before the words: its first cell.
    rows: [...rest.matchAll(/^\| *(`[^|]*?`) *\|/gm)].map(([, cell]) => cell),
  };
}

// A comment in a command is prose, and may be translated.
function command({ kind, code }) {
  return kind === 'sh' ? code.replace(/(^|\s)#.*$/gm, '').replace(/[ \t]+$/gm, '') : code;
}

/**
 * @param {string} original
 * @param {string} translated
 */
export function compareReadmes(original, translated) {
  const [a, b] = [shape(original), shape(translated)];
  const faults = [];
  const levels = (of) => of.headings.map(({ level }) => level).join(' ');
  if (levels(a) !== levels(b))
    faults.push(`headings differ:\n  ${a.headings.map(({ level, title }) => `${level} ${title}`).join('\n  ')}\n  against\n  ${b.headings.map(({ level, title }) => `${level} ${title}`).join('\n  ')}`);
  if (a.blocks.length !== b.blocks.length) faults.push(`has ${b.blocks.length} blocks of code, the README ${a.blocks.length}`);
  a.blocks.forEach((block, i) => {
    const other = b.blocks[i];
    if (other === undefined) return;
    // A diagram's labels are prose as well; its arrows are not.
    const same = block.kind === 'mermaid' ? arrows(block.code) === arrows(other.code) : command(block) === command(other);
    if (block.kind !== other.kind || !same) faults.push(`block ${i + 1} (${block.kind}) differs`);
  });
  for (const code of a.commands) if (!b.commands.has(code)) faults.push(`does not name \`${code}\``);
  for (const code of b.commands) if (!a.commands.has(code)) faults.push(`names \`${code}\`, which the README does not`);
  if (a.links.join('\n') !== b.links.join('\n'))
    faults.push(`links differ: ${a.links.filter((l) => !b.links.includes(l))} against ${b.links.filter((l) => !a.links.includes(l))}`);
  if (a.rows.join('\n') !== b.rows.join('\n'))
    faults.push(`tables differ: ${a.rows.filter((r) => !b.rows.includes(r))} against ${b.rows.filter((r) => !a.rows.includes(r))}`);
  return faults;
}

function arrows(code) {
  return (code.match(/-->|---|->>|--|==>|&/g) ?? []).join(' ');
}
