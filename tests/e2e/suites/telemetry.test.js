// Spans as a collector gets them, and metrics as Prometheus reads them.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, it } from 'node:test';
import { Suite, run } from '../support/suite.js';
import { Dates, User, expect, sleep } from '../support/user.js';

const services = ['gateway', 'queue', 'concert', 'reservation', 'wallet', 'payment'];
const spans = [];
let suite, receiver;

// A collector: keeps every span with the name of the service that sent it.
function receive(request, response) {
  let body = '';
  request.on('data', (part) => (body += part));
  request.on('end', () => {
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      const service = resource.attributes.find(({ key }) => key === 'service.name').value.stringValue;
      for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })));
    }
    response.end('{}');
  });
}

before(async () => {
  receiver = http.createServer(receive);
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${receiver.address().port}/v1/traces`;
  suite = await Suite.start({ TRACE_URL: url, TRACE_SAMPLE_PER_MILLE: '0' }, { replicas: 1 });
});
after(async () => {
  await suite?.stop();
  receiver?.close();
});

it('one payment is one trace across five services, without orphans', async () => {
  const user = await new User(suite).enter();
  const held = expect(await user.reserve({ ...(await Dates.of(suite)).next(), seat_no: 3 }), 201);
  expect(await user.charge(1000000), 201);
  const traceId = '5'.repeat(32);
  const parent = '6'.repeat(16);
  const headers = { traceparent: `00-${traceId}-${parent}-01` };
  expect(await user.pay(held, undefined, { headers }), 201);

  const mine = () => spans.filter((span) => span.traceId === traceId);
  const root = () => mine().find((span) => span.parentSpanId === parent);
  const end = Date.now() + 30000;
  while (new Set(mine().map(({ service }) => service)).size < 5 || !root()) {
    assert.ok(Date.now() < end, JSON.stringify(mine().map(({ service, name }) => `${service} ${name}`)));
    await sleep(100);
  }
  await sleep(2500); // all who took part have sent what they had
  const ids = new Set(mine().map(({ spanId }) => spanId));
  assert.equal(ids.size, mine().length, 'span ids are unique');
  for (const span of mine()) {
    assert.ok(span === root() || ids.has(span.parentSpanId), `an orphan: ${JSON.stringify(span)}`);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
  }
  const taken = [...new Set(mine().map(({ service }) => service))].sort();
  for (const service of ['gateway', 'payment', 'queue', 'reservation', 'wallet'])
    assert.ok(taken.includes(service), `${service} has no span: ${taken}`);
  assert.equal(root().service, 'gateway');
  assert.equal(root().name, 'POST /v1/payments');
  assert.ok(mine().some(({ name }) => name === 'boxoffice.wallet.v1.WalletService/Debit'));
  assert.ok(mine().some(({ service, kind }) => service === 'wallet' && kind === 3), 'a statement of the store');
});

it('what nobody sampled is not sent', async () => {
  await new User(suite).enter();
  await sleep(1500);
  assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set(['5'.repeat(32)]));
});

const metricsOf = async (service) =>
  (await fetch(`http://${suite.env[`${service.toUpperCase()}_1_ADMIN`]}/metrics`)).text();

it('promtool finds nothing to say about the metrics of any service', async () => {
  for (const service of services) {
    const { code, stdout, stderr } = await run('promtool', ['check', 'metrics'], { input: await metricsOf(service) });
    assert.equal(`${stdout}${stderr}`.trim(), '', service);
    assert.equal(code, 0, service);
  }
});

it('the metrics that dashboards read are there', async () => {
  const texts = Object.fromEntries(await Promise.all(services.map(async (s) => [s, await metricsOf(s)])));
  const due = {
    wallet: [/^grpc_server_handled_total\{.*grpc_method="Debit".*grpc_code="OK".*\} 1$/m,
      /^grpc_server_handling_seconds_count\{/m, /^db_batch_size_count/m, /^db_wait_seconds_count/m],
    payment: [/^grpc_client_handled_total\{.*grpc_method="Debit".*grpc_code="OK".*\} 1$/m,
      /^grpc_client_handling_seconds_count\{/m, /^payment_saga_seconds_count\{outcome="completed"\} 1$/m],
    reservation: [/^rpc_server_outcomes_total\{.*grpc_method="Reserve",code="OK"\} 1$/m, /^boxoffice_holds_lapsed_total/m],
    queue: [/^queue_waiting\{/m, /^queue_active\{/m, /^queue_admitted\{/m, /^rpc_server_shed_total 0$/m],
    gateway: [/^http_shed_total\{/m, /^http_requests_total\{/m],
  };
  for (const [service, patterns] of Object.entries(due))
    for (const pattern of patterns) assert.match(texts[service], pattern, service);
});
