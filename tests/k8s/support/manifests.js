// What an overlay of deploy/k8s renders to, as objects.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import yaml from 'js-yaml';

const sourceDir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

export const overlays = ['dev', 'dev-1.20', 'production'];

export function render(overlay) {
  const folder = path.join(sourceDir, 'deploy/k8s/overlays', overlay);
  // What it warns of (deprecated fields that Debian's kubectl needs) is no concern here.
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 24 });
  return yaml.loadAll(text).filter(Boolean);
}

export class Manifests {
  constructor(overlay) {
    this.all = render(overlay);
  }
  of(kind) {
    return this.all.filter((object) => object.kind === kind);
  }
  named(kind, name) {
    return this.of(kind).find((object) => object.metadata.name === name);
  }
  // Everything that makes pods: { name, template }.
  get workloads() {
    return this.all
      .filter((object) => object.spec?.template?.spec?.containers)
      .map((object) => ({ kind: object.kind, name: object.metadata.name, template: object.spec.template }));
  }
}

export function containersOf({ template }) {
  return [...(template.spec.initContainers ?? []), ...template.spec.containers];
}

// Whether a label selector (matchLabels and matchExpressions with In) takes these labels.
export function selects(selector, labels) {
  const exact = Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  const listed = (selector?.matchExpressions ?? []).every(({ key, operator, values }) => {
    if (operator !== 'In') throw new Error(`${operator} is not known here`);
    return values.includes(labels[key]);
  });
  return exact && listed;
}
