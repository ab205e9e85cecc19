// Links between our own files: the file is there, and so is the heading.
import path from 'node:path';

// As GitHub names a heading.
function anchor(heading) {
  return heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-');
}

function prose(text) {
  return text.replace(/^```[^]*?^```/gm, '');
}
function anchorsOf(text) {
  return new Set([...prose(text).matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => anchor(heading.replaceAll('`', ''))));
}

/**
 * @param {string[]} documents
 * @param {string[]} files all that are in the repository
 * @param {(file: string) => string} read
 */
export function brokenLinks(documents, files, read) {
  const known = new Set(files);
  for (const file of files) for (let folder = path.dirname(file); folder !== '.'; folder = path.dirname(folder)) known.add(folder);
  const faults = [];
  for (const document of documents)
    for (const [, target] of prose(read(document)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file, heading] = target.split('#');
      const to = file === '' ? document : path.normalize(path.join(path.dirname(document), file)).replace(/\/$/, '');
      if (to !== '.' && !known.has(to)) faults.push(`${document}: ${target} is not there`);
      else if (heading !== undefined && to.endsWith('.md') && !anchorsOf(read(to)).has(decodeURIComponent(heading)))
        faults.push(`${document}: ${target} has no such heading`);
    }
  return faults;
}
