// Every Mermaid diagram of our documents.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sourceDir } from '../../e2e/support/suite.js';

export function diagrams() {
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], { cwd: sourceDir, encoding: 'utf8' });
  return files.trim().split('\n').flatMap((file) => {
    const text = readFileSync(path.join(sourceDir, file), 'utf8');
    return [...text.matchAll(/^```mermaid\n([^]*?)^```/gm)].map(([, code], i) => ({ name: `${file}, diagram ${i + 1}`, code }));
  });
}
