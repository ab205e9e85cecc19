// What the documents say, held against what is: node tests/lint/docs.mjs [--write]
// --write brings up to date what is drawn or copied: the tables of docs/api.md (from the document, the protos and the
// statuses) and the figures of README.ko.md (from README.md).
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiTables } from './docs/api.mjs';
import { compareDiagram } from './docs/erd.mjs';
import { brokenLinks } from './docs/links.mjs';
import { compareReadmes } from './docs/readmes.mjs';
import { compareStates } from './docs/states.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
const read = (/** @type {string} */ file) => readFileSync(path.join(root, file), 'utf8');
const named = (/** @type {RegExp} */ pattern) => files.filter((file) => pattern.test(file)).sort();
const faults = [];

/** Puts text between two marks of a document, or compares it. @param {string} file @param {string} mark @param {string} text */
function keep(file, mark, text) {
  const is = read(file);
  const pattern = new RegExp(`(<!-- ${mark}:begin -->\n)[^]*?(<!-- ${mark}:end -->)`);
  if (!pattern.test(is)) return void faults.push(`${file}: has no marks "${mark}"`);
  const due = is.replace(pattern, (_, begin, end) => begin + text + end);
  if (process.argv.includes('--write')) writeFileSync(path.join(root, file), due);
  else if (is !== due) faults.push(`${file}: "${mark}" is not up to date: run node tests/lint/docs.mjs --write`);
}

const tables = apiTables({
  document: JSON.parse(read('web/openapi.json')),
  protos: named(/^proto\/.*\.proto$/).map(read),
  statuses: read('lib/base/status.def'),
});
for (const [name, table] of Object.entries(tables)) keep('docs/api.md', name, `${table}\n`);
keep('README.ko.md', 'figures', /<!-- figures:begin -->\n([^]*?)<!-- figures:end -->/.exec(read('README.md'))?.[1] ?? '');

const migrations = named(/^services\/\w+\/migrations\/.*\.sql$/).map((file) => ({ file, sql: read(file) }));
faults.push(...compareDiagram(read('docs/data-model.md'), migrations).map((fault) => `docs/data-model.md: ${fault}`));
faults.push(...compareStates(read('docs/data-model.md'), [
  { title: 'Life of a claim', code: read('services/reservation/claim.c'), prefix: 'CLAIM' },
  { title: 'Life of a payment', code: read('services/payment/saga.c'), prefix: 'SAGA' },
]).map((fault) => `docs/data-model.md: ${fault}`));
faults.push(...compareReadmes(read('README.md'), read('README.ko.md')).map((fault) => `README.ko.md: ${fault}`));
faults.push(...brokenLinks(named(/\.md$/), files, read));

for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
