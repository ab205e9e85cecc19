// Every overlay, as kubectl renders it, against the types of Kubernetes; and the check itself against known mistakes.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf } from '../support/types.js';
import { overlays, render } from '../support/manifests.js';

// policy/v1beta1 has left Kubernetes: its budget had the members of policy/v1.
const asToday = (object) => (object.apiVersion === 'policy/v1beta1' ? { ...object, apiVersion: 'policy/v1' } : object);

for (const overlay of overlays)
  it(`${overlay} has no unknown member and no value of a wrong type`, () => {
    const objects = render(overlay);
    assert.ok(objects.length > 30, `only ${objects.length} objects`);
    assert.deepEqual(objects.map(asToday).flatMap(errorsOf), []);
  });

describe('a mistake is found', () => {
  const good = () => structuredClone(render('production').find((object) => object.kind === 'Deployment'));
  const mistakes = {
    'a misspelt member': (d) => { d.spec.template.spec.containers[0].redinessProbe = {}; },
    'a member of another type': (d) => { d.spec.template.spec.replicas = 3; },
    'text for a number': (d) => { d.spec.minReadySeconds = '5'; },
    'a number for text': (d) => { d.spec.template.spec.containers[0].env[0].value = 5; },
    'an object for a list': (d) => { d.spec.template.spec.volumes = {}; },
    'nothing at all': (d) => { d.spec.template.spec.containers[0].image = null; },
    'a version that is none': (d) => { d.apiVersion = 'apps/v9'; },
  };
  it('and the right one is right', () => assert.deepEqual(errorsOf(good()), []));
  for (const [name, make] of Object.entries(mistakes))
    it(name, () => {
      const deployment = good();
      make(deployment);
      assert.equal(errorsOf(deployment).length, 1);
    });
});
