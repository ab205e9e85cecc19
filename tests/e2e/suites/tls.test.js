// Mutual TLS between services: who has no certificate, or the wrong one, gets nowhere; new certificates need no restart.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import tls from 'node:tls';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { Suite, run, sourceDir } from '../support/suite.js';
import { Dates, User, expect, sleep } from '../support/user.js';

let suite, dates, folder, foreign;
before(async () => {
  suite = await Suite.start({ TLS: 'yes', RPC_TLS_RELOAD_S: '1' });
  dates = await Dates.of(suite);
  folder = path.dirname(suite.env.RPC_TLS_CA_FILE);
  foreign = path.join(suite.folder, 'foreign');
  await issue(foreign, 'payment');
});
after(() => suite?.stop());

async function issue(where, ...names) {
  const { code, stderr } = await run(path.join(sourceDir, 'deploy/tls/authority.sh'), [where, ...names]);
  assert.equal(code, 0, stderr);
}
const address = (service) => suite.env[`${service.toUpperCase()}_1_GRPC`];

async function certified(name, where = folder, ca = folder) {
  const files = [`${ca}/ca.crt`, `${where}/${name}.key`, `${where}/${name}.crt`];
  return grpc.credentials.createSsl(...(await Promise.all(files.map((file) => readFile(file)))));
}

// The answer of one call: 'OK', or the name of its gRPC code; 'REFUSED' when the connection was not had.
const nameOf = ({ code }) =>
  [grpc.status.UNAVAILABLE, grpc.status.CANCELLED].includes(code) ? 'REFUSED' : grpc.status[code];
async function call(service, method, request, credentials, as = service) {
  const options = { includeDirs: [path.join(sourceDir, 'proto')], keepCase: true };
  const definition = grpc.loadPackageDefinition(
    loader.loadSync(`boxoffice/${service}/v1/${service}.proto`, options));
  const Stub = definition.boxoffice[service].v1[`${service[0].toUpperCase()}${service.slice(1)}Service`];
  const stub = new Stub(address(service), credentials, { 'grpc.ssl_target_name_override': as });
  try {
    return await new Promise((resolve) =>
      stub[method](request, { deadline: Date.now() + 5000 }, (error) =>
        resolve(error ? nameOf(error) : 'OK')));
  } finally {
    stub.close();
  }
}
const debit = () => ({ debit_id: randomUUID(), user_id: randomUUID(), amount_won: 1000, payment_id: randomUUID() });
const balance = () => ({ user_id: randomUUID() });

async function buy() {
  const user = await new User(suite).enter();
  const seat = { ...dates.next(), seat_no: 7 };
  const held = await user.reserve(seat);
  expect(held, 201);
  expect(await user.charge(1000000), 201);
  expect(await user.pay(held.body), 201);
}

it('the story is played over it', () => buy());

describe('a caller', () => {
  it('who speaks plain text is refused', async () => {
    assert.equal(await call('wallet', 'GetBalance', balance(), grpc.credentials.createInsecure()), 'REFUSED');
  });
  it('without a certificate is refused', async () => {
    const ca = await readFile(`${folder}/ca.crt`);
    assert.equal(await call('wallet', 'GetBalance', balance(), grpc.credentials.createSsl(ca)), 'REFUSED');
  });
  it("with another authority's certificate is refused, whatever it says", async () => {
    assert.equal(await call('wallet', 'Debit', debit(), await certified('payment', foreign)), 'REFUSED');
  });
  it('may do what its name may, and nothing else', async () => {
    const gateway = await certified('gateway');
    const payment = await certified('payment');
    const admin = await certified('admin');
    assert.equal(await call('wallet', 'GetBalance', balance(), gateway), 'OK');
    assert.equal(await call('wallet', 'Debit', debit(), gateway), 'PERMISSION_DENIED');
    assert.equal(await call('wallet', 'Debit', debit(), payment), 'FAILED_PRECONDITION', 'an empty wallet');
    assert.equal(await call('wallet', 'GetBalance', balance(), payment), 'PERMISSION_DENIED');
    for (const [name, credentials] of Object.entries({ gateway, payment }))
      assert.equal(await call('queue', 'VerifyTokens', { tokens: ['x'] }, credentials), 'OK', name);
    for (const name of ['concert', 'reservation', 'wallet'])
      assert.equal(
        await call('queue', 'VerifyTokens', { tokens: ['x'] }, await certified(name)), 'PERMISSION_DENIED', name);
    assert.equal(await call('queue', 'GetQueue', { queue: 'main' }, admin), 'OK');
    assert.equal(await call('queue', 'SetPolicy', { queue: 'main' }, payment), 'PERMISSION_DENIED');
    assert.equal(await call('concert', 'CreateConcert', {}, gateway), 'PERMISSION_DENIED');
  });
});

it("a server that shows another service's certificate is not talked to", async () => {
  const shown = await certified('gateway');
  assert.equal(await call('wallet', 'GetBalance', balance(), shown, 'queue'), 'REFUSED');
});

it('the admin tool talks by its own certificate', async () => {
  const { code, stdout, stderr } = await suite.admin('queue', 'main');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /waiting/);
});

// What the service shows to a new connection.
async function serialShown(service) {
  const [host, port] = address(service).split(':');
  const files = [`${folder}/ca.crt`, `${folder}/gateway.key`, `${folder}/gateway.crt`];
  const [ca, key, cert] = await Promise.all(files.map((file) => readFile(file)));
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host, port: Number(port), ca, key, cert, servername: service, ALPNProtocols: ['h2'] }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

it('new certificates are used without a restart, while people buy', async () => {
  const names = ['queue', 'concert', 'reservation', 'wallet', 'payment', 'gateway', 'admin'];
  const services = names.slice(0, 5);
  const before = await Promise.all(services.map(serialShown));
  await issue(folder, ...names);
  // As it must be: readable by the services only.
  const { uid } = await import('node:fs').then((fs) => fs.statSync(`${folder}/ca.crt`));
  assert.equal(uid, process.getuid());
  await run('bash', ['-c', `
    source ${sourceDir}/deploy/local/common.sh && run_dir=${path.dirname(folder)} &&
    source ${sourceDir}/deploy/local/services.sh && own_tls`], { env: suite.environment });
  const deadline = Date.now() + 60000;
  for (const [i, service] of services.entries()) {
    while ((await serialShown(service)) === before[i]) {
      assert.ok(Date.now() < deadline, `${service} still shows its old certificate`);
      await sleep(200);
    }
  }
  await buy();
});

it('every invariant holds afterwards', () => suite.audit());
