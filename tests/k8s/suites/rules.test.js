// What every deployment of ours must have: it can be upgraded without a failed request, moved, watched, and can do no harm.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Manifests, containersOf, overlays, selects } from '../support/manifests.js';

const services = ['queue', 'concert', 'reservation', 'wallet', 'payment', 'gateway'];
// Who calls whom (DESIGN's table of services), by the callee; the gateway is called by users.
const callers = {
  queue: ['gateway', 'payment', 'admin'],
  concert: ['gateway', 'reservation', 'admin'],
  reservation: ['gateway', 'concert', 'payment'],
  wallet: ['gateway', 'payment'],
  payment: ['gateway'],
};
const nameOf = (labels) => labels['app.kubernetes.io/name'];

for (const overlay of overlays) {
  const manifests = new Manifests(overlay);

  describe(overlay, () => {
    it('deploys the six services', () => {
      assert.deepEqual(manifests.of('Deployment').map((d) => d.metadata.name).sort(), [...services].sort());
    });

    for (const deployment of manifests.of('Deployment')) {
      const { name } = deployment.metadata;
      const { spec } = deployment.spec.template;
      const { labels } = deployment.spec.template.metadata;
      const [container] = spec.containers;

      it(`${name}: a rolling upgrade never has fewer pods than before`, () => {
        const { type, rollingUpdate } = deployment.spec.strategy;
        assert.deepEqual([type, rollingUpdate.maxUnavailable], ['RollingUpdate', 0]);
        const scaler = manifests.named('HorizontalPodAutoscaler', name);
        const least = scaler === undefined ? deployment.spec.replicas : scaler.spec.minReplicas;
        assert.ok(least >= 2, `${least} replicas`);
        assert.ok(scaler === undefined || deployment.spec.replicas === undefined, 'an apply would undo the autoscaler');
        const drainMs = Number(manifests.named('ConfigMap', 'boxoffice').data.DRAIN_MS);
        assert.ok(spec.terminationGracePeriodSeconds * 1000 >= drainMs + 20000, 'killed before it has drained');
      });

      it(`${name}: start, ready and live are asked for`, () => {
        const ports = Object.fromEntries(container.ports.map((port) => [port.name, port.containerPort]));
        for (const [probe, where] of Object.entries({ startupProbe: '/livez', readinessProbe: '/readyz', livenessProbe: '/livez' })) {
          assert.equal(container[probe].httpGet.path, where, probe);
          assert.ok(ports[container[probe].httpGet.port], `${probe}: no such port`);
        }
      });

      it(`${name}: spread over zones and hosts, with a disruption budget`, () => {
        const keys = spec.topologySpreadConstraints.map((constraint) => constraint.topologyKey);
        assert.deepEqual(keys, ['topology.kubernetes.io/zone', 'kubernetes.io/hostname']);
        for (const { labelSelector } of spec.topologySpreadConstraints) assert.ok(selects(labelSelector, labels));
        const budgets = manifests.of('PodDisruptionBudget').filter((budget) => selects(budget.spec.selector, labels));
        assert.equal(budgets.length, 1);
        assert.equal(budgets[0].spec.maxUnavailable, 1);
      });

      it(`${name}: its own account, without a token`, () => {
        assert.equal(spec.serviceAccountName, name);
        assert.equal(manifests.named('ServiceAccount', name).automountServiceAccountToken, false);
      });

      it(`${name}: its service finds its pods`, () => {
        const service = manifests.named('Service', name);
        assert.ok(Object.entries(service.spec.selector).every(([key, value]) => labels[key] === value));
        for (const port of service.spec.ports) assert.ok(container.ports.some((one) => one.name === port.targetPort));
        if (name === 'gateway') return;
        assert.equal(service.spec.clusterIP, 'None', 'clients balance by themselves');
        const target = manifests.named('ConfigMap', 'boxoffice').data[`${name.toUpperCase()}_TARGET`];
        assert.equal(target, `dns:///${name}:${service.spec.ports[0].port}`);
      });

      it(`${name}: secrets are files, of Secrets`, () => {
        const given = container.env.filter((one) => /URL|SECRET/.test(one.name) && !one.name.startsWith('RPC_TLS'));
        assert.ok(given.length > 0);
        for (const { name: setting, value } of given) {
          assert.match(setting, /_FILE$/);
          const mount = container.volumeMounts.find((one) => value.startsWith(`${one.mountPath}/`));
          const volume = spec.volumes.find((one) => one.name === mount?.name);
          assert.ok(volume?.secret?.items.some((item) => `${mount.mountPath}/${item.path}` === value), setting);
        }
        assert.equal(spec.enableServiceLinks, false, "a Service's variables would look like our settings");
      });
    }

    for (const workload of manifests.workloads)
      it(`${workload.kind} ${workload.name}: no rights, no writes, bounded`, () => {
        const { spec, metadata } = workload.template;
        const pod = spec.securityContext;
        assert.equal(pod.runAsNonRoot, true);
        assert.ok(pod.runAsUser > 0);
        assert.equal(pod.seccompProfile.type, 'RuntimeDefault');
        assert.equal(spec.automountServiceAccountToken, false);
        assert.equal(metadata.labels['app.kubernetes.io/part-of'], 'boxoffice');
        for (const container of containersOf(workload)) {
          assert.equal(container.securityContext.allowPrivilegeEscalation, false);
          assert.equal(container.securityContext.readOnlyRootFilesystem, true);
          assert.deepEqual(container.securityContext.capabilities, { drop: ['ALL'] });
          assert.ok(container.resources.requests.cpu && container.resources.requests.memory, 'no request');
          assert.ok(container.resources.limits.memory, 'no limit of memory');
          assert.doesNotMatch(container.image, /:latest$|^[^:]*$/);
        }
      });

    it('what is asked of Secrets and ConfigMaps in templates is in the same overlay, or is a Secret', () => {
      const maps = manifests.of('ConfigMap').map((map) => map.metadata.name);
      for (const { name, template } of manifests.workloads) {
        const asked = [
          ...(template.spec.volumes ?? []).map((volume) => volume.configMap?.name),
          ...containersOf({ template }).flatMap((c) => (c.envFrom ?? []).map((from) => from.configMapRef?.name)),
        ].filter(Boolean);
        for (const map of asked) assert.ok(maps.includes(map), `${name}: no ConfigMap ${map}`);
      }
      assert.deepEqual(manifests.of('Secret'), [], 'secrets do not belong into git');
    });

    describe('the network', () => {
      const policies = manifests.of('NetworkPolicy');
      const of = (name) => policies.filter((policy) => selects(policy.spec.podSelector, { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'boxoffice' }));
      const from = (name, port) => of(name)
        .flatMap((policy) => policy.spec.ingress ?? [])
        .filter((rule) => rule.ports?.some((one) => one.port === port))
        .flatMap((rule) => rule.from ?? []);
      const to = (name, port) => of(name)
        .flatMap((policy) => policy.spec.egress ?? [])
        .filter((rule) => rule.ports?.some((one) => one.port === port))
        .flatMap((rule) => rule.to ?? []);

      it('is shut unless opened', () => {
        const shut = policies.find((policy) => policy.metadata.name === 'default-deny').spec;
        assert.deepEqual(shut, { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
        for (const policy of policies)
          for (const rule of policy.spec.ingress ?? []) assert.ok(rule.ports?.length > 0, `${policy.metadata.name}: a rule for every port`);
      });

      for (const [callee, allowed] of Object.entries(callers)) {
        it(`${callee} is called by ${allowed.join(', ')} and nobody else`, () => {
          const names = from(callee, 'grpc').map((peer) => nameOf(peer.podSelector.matchLabels));
          assert.deepEqual(names.sort(), [...allowed].sort());
        });
        it(`${callee}'s callers may reach it`, () => {
          const port = manifests.named('Service', callee).spec.ports[0].port;
          for (const caller of allowed.filter((one) => one !== 'admin'))
            assert.ok(to(caller, port).some((peer) => nameOf(peer.podSelector.matchLabels) === callee), caller);
        });
      }

      it('only those with a database reach PostgreSQL, only the queue Redis', () => {
        for (const name of services) {
          assert.equal(to(name, 5432).length > 0, name !== 'gateway', name);
          assert.equal(to(name, 6379).length > 0, name === 'queue', name);
        }
      });
    });
  });
}

describe('production', () => {
  const manifests = new Manifests('production');
  it('each service scales on its own', () => {
    for (const name of services) {
      const { spec } = manifests.named('HorizontalPodAutoscaler', name);
      assert.deepEqual([spec.scaleTargetRef.kind, spec.scaleTargetRef.name], ['Deployment', name]);
      assert.ok(spec.maxReplicas > spec.minReplicas);
      assert.ok(manifests.named('Deployment', name).spec.template.spec.containers[0].resources.requests.cpu, 'utilisation of what?');
    }
  });
  it('services know each other by certificates', () => {
    for (const deployment of manifests.of('Deployment')) {
      const { name } = deployment.metadata;
      const { containers: [container], volumes } = deployment.spec.template.spec;
      const files = container.env.filter((one) => one.name.startsWith('RPC_TLS_')).map((one) => one.value);
      assert.deepEqual(files.map((file) => file.split('/').at(-1)).sort(), ['ca.crt', 'tls.crt', 'tls.key']);
      assert.equal(volumes.find((volume) => volume.name === 'tls').secret.secretName, `${name}-tls`);
    }
  });
  it('users come by TLS', () => {
    const [ingress] = manifests.of('Ingress');
    assert.deepEqual(ingress.spec.tls[0].hosts, [ingress.spec.rules[0].host]);
    assert.equal(ingress.spec.rules[0].http.paths[0].backend.service.name, 'gateway');
  });
  it('no image is a build of this machine', () => {
    for (const workload of manifests.workloads)
      for (const container of containersOf(workload)) assert.doesNotMatch(container.image, /^localhost/);
  });
});
