// Clients that nobody here wrote: buf curl, which learns everything by reflection, and grpc-js.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { Suite, run, sourceDir } from '../support/suite.js';
import { Dates, User, expect, expectProblem, uuidPattern } from '../support/user.js';

const here = path.join(sourceDir, 'tests/e2e');
const services = ['queue', 'concert', 'reservation', 'wallet', 'payment'];
let suite, dates;
before(async () => {
  suite = await Suite.start({ QUEUE_CAPACITY: '1000' });
  dates = await Dates.of(suite);
});
after(() => suite?.stop());

function serviceName(service) {
  return `boxoffice.${service}.v1.${service[0].toUpperCase()}${service.slice(1)}Service`;
}
const address = (service, n = 1) => suite.env[`${service.toUpperCase()}_${n}_GRPC`];

function bufCurl(...args) {
  const buf = path.join(here, 'node_modules/.bin/buf');
  const env = { BUF_CACHE_DIR: path.join(suite.folder, 'buf') };
  return run(buf, ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...args], { env });
}

const load = (file, ...dirs) =>
  grpc.loadPackageDefinition(
    loader.loadSync(file, { includeDirs: dirs, longs: Number, enums: String, defaults: true, keepCase: true }));

function client(service, n = 1) {
  const definition = load(`boxoffice/${service}/v1/${service}.proto`, path.join(sourceDir, 'proto'));
  const name = serviceName(service).split('.').pop();
  return new definition.boxoffice[service].v1[name](address(service, n), grpc.credentials.createInsecure());
}
function call(stub, method, request, deadlineMs = 5000) {
  return new Promise((resolve, reject) => {
    const done = (error, response) => (error ? reject(error) : resolve(response));
    stub[method](request, { deadline: Date.now() + deadlineMs }, done);
  });
}

describe('buf curl', () => {
  it('lists the services of every server by reflection', async () => {
    for (const service of services)
      for (const n of [1, 2]) {
        const { code, stdout, stderr } = await bufCurl('--list-services', `http://${address(service, n)}`);
        assert.equal(code, 0, stderr);
        assert.ok(stdout.split('\n').includes(serviceName(service)), `${service}: ${stdout}`);
        assert.ok(stdout.split('\n').includes('grpc.health.v1.Health'), `${service}: ${stdout}`);
      }
  });

  it('lists the methods of a service', async () => {
    const { code, stdout, stderr } = await bufCurl('--list-methods', `http://${address('wallet')}`);
    assert.equal(code, 0, stderr);
    for (const method of ['Charge', 'GetBalance', 'Debit', 'Refund', 'ListTransactions'])
      assert.ok(stdout.includes(`${serviceName('wallet')}/${method}`), stdout);
  });

  it('reserves a seat', async () => {
    const user = await new User(suite).enter();
    const { concert_id, date } = dates.next();
    const request = {
      user_id: user.id, concert_id, date, seat_no: 12, token_id: user.place.token_id, queue: 'main',
    };
    const { code, stdout, stderr } = await bufCurl(
      '-d', JSON.stringify(request), `http://${address('reservation')}/${serviceName('reservation')}/Reserve`);
    assert.equal(code, 0, stderr);
    const { reservation } = JSON.parse(stdout);
    assert.match(reservation.reservationId, uuidPattern);
    assert.equal(reservation.status, 'RESERVATION_STATUS_HELD');
    assert.deepEqual((await user.reservations()).map((r) => r.reservation_id), [reservation.reservationId]);
  });

  it('is told by ErrorInfo why not', async () => {
    const request = JSON.stringify({ user_id: 'x', amount_won: 1, idempotency_key: 'k' });
    const { code, stderr } = await bufCurl(
      '-d', request, `http://${address('wallet')}/${serviceName('wallet')}/Charge`);
    assert.notEqual(code, 0);
    assert.match(stderr, /invalid_argument/);
  });
});

describe('grpc-js', () => {
  it('sees every server SERVING, by name and as a whole', async () => {
    const { Health } = load('health.proto', path.join(here, 'proto')).grpc.health.v1;
    for (const service of services)
      for (const n of [1, 2]) {
        const stub = new Health(address(service, n), grpc.credentials.createInsecure());
        for (const name of ['', serviceName(service)])
          assert.equal((await call(stub, 'Check', { service: name })).status, 'SERVING');
        await assert.rejects(call(stub, 'Check', { service: 'nobody' }), { code: grpc.status.NOT_FOUND });
        const watched = await new Promise((resolve, reject) => {
          const stream = stub.Watch({ service: '' });
          stream.once('data', (state) => stream.cancel() ?? resolve(state));
          stream.on('error', (error) => error.code === grpc.status.CANCELLED || reject(error));
        });
        assert.equal(watched.status, 'SERVING');
        stub.close();
      }
  });

  it('joins, and watches its place become active', async () => {
    const stub = client('queue');
    const user_id = randomUUID();
    const { place, created } = await call(stub, 'IssueToken', { user_id });
    assert.equal(created, true);
    const seen = await new Promise((resolve, reject) => {
      const stream = stub.WatchToken({ token: place.token }, { deadline: Date.now() + 5000 });
      stream.on('data', (message) => {
        if (message.place.status !== 'PLACE_STATUS_ACTIVE') return;
        stream.cancel();
        resolve(message.place);
      });
      stream.on('error', (error) => error.code === grpc.status.CANCELLED || reject(error));
    });
    assert.equal(seen.user_id, user_id);
    const { states } = await call(stub, 'VerifyTokens', { tokens: [place.token, 'forged', place.token] });
    assert.deepEqual(states.map((state) => state.code), ['OK', 'TOKEN_INVALID', 'OK']);
    stub.close();
  });

  it('gets the code of a refusal as google.rpc.ErrorInfo', async () => {
    const stub = client('reservation');
    const user = await new User(suite).enter();
    const other = await new User(suite).enter();
    const seat = { ...dates.next(), seat_no: 1 };
    expect(await user.reserve(seat), 201);
    const request = { ...seat, user_id: other.id, token_id: other.place.token_id, queue: 'main' };
    const error = await call(stub, 'Reserve', request).then(() => assert.fail('held twice'), (e) => e);
    assert.equal(error.code, grpc.status.ALREADY_EXISTS);
    const types = new protobuf.Root().loadSync(path.join(here, 'proto/error_info.proto'), { keepCase: true });
    const decode = (name, bytes) => types.lookupType(`google.rpc.${name}`).decode(bytes);
    const { details } = decode('Status', error.metadata.get('grpc-status-details-bin')[0]);
    const info = details.find((detail) => detail.type_url.endsWith('google.rpc.ErrorInfo'));
    const { reason, domain } = decode('ErrorInfo', info.value);
    assert.deepEqual({ reason, domain }, { reason: 'SEAT_HELD', domain: 'boxoffice' });
    stub.close();
  });

  it('is refused an unknown method at once', async () => {
    const plain = new grpc.Client(address('wallet'), grpc.credentials.createInsecure());
    const identity = (bytes) => bytes;
    const error = await new Promise((resolve) =>
      plain.makeUnaryRequest(`/${serviceName('wallet')}/Print`, identity, identity, Buffer.alloc(0),
        { deadline: Date.now() + 5000 }, resolve));
    assert.equal(error.code, grpc.status.UNIMPLEMENTED);
    plain.close();
  });

  it('is refused garbage, and a megabyte of it', async () => {
    const plain = new grpc.Client(address('wallet'), grpc.credentials.createInsecure());
    const send = (bytes) =>
      new Promise((resolve) =>
        plain.makeUnaryRequest(`/${serviceName('wallet')}/Charge`, (b) => b, (b) => b, bytes,
          { deadline: Date.now() + 5000 }, (error) => resolve(error?.code)));
    assert.equal(await send(Buffer.from([0xff, 0xff, 0xff])), grpc.status.INVALID_ARGUMENT);
    assert.equal(await send(Buffer.alloc(1024 * 1024, 8)), grpc.status.RESOURCE_EXHAUSTED);
    plain.close();
  });

  it('gives a concert a line of its own: a turn in main is none there', async () => {
    const stub = client('concert');
    const concert_id = randomUUID();
    const starts = Date.now() + 5 * 24 * 3600 * 1000;
    const date = new Date(starts).toISOString().slice(0, 10);
    await call(stub, 'CreateConcert', {
      concert: { concert_id, title: 'Apart', artist: 'Somebody', venue: 'Hall', queue: 'apart', currency: 'KRW' },
      dates: [{ date, starts_at_unix_ms: starts, seats_total: 50,
        tiers: [{ first_seat_no: 1, last_seat_no: 50, price_won: 1000 }] }],
    });
    stub.close();

    const user = await new User(suite).enter();
    const seat = { concert_id, date, seat_no: 1 };
    const at = `/v1/concerts/${concert_id}/dates`;
    const refusals = [await user.reserve(seat), await user.ask('GET', at), await user.ask('GET', `${at}/${date}/seats`)];
    for (const refusal of refusals) assert.equal(expectProblem(refusal, 401, 'TOKEN_INVALID').queue, 'apart');
    // The token itself is as good as before, where it belongs.
    assert.equal((await user.look()).status, 'ACTIVE');

    const body = { user_id: user.id, queue: 'apart' };
    const place = expect(await user.ask('POST', '/v1/queue/tokens', { token: undefined, body }), 201);
    user.token = place.token;
    expect(await user.ask('GET', at), 200);
    expect(await user.ask('GET', `${at}/${date}/seats`), 200);
    expect(await user.reserve(seat), 201);
  });

  it('puts a date off sale: NOT_ON_SALE', async () => {
    const stub = client('concert');
    const concert_id = randomUUID();
    const day = 24 * 3600 * 1000;
    const starts = Date.now() + 5 * day;
    const date = new Date(starts).toISOString().slice(0, 10);
    await call(stub, 'CreateConcert', {
      concert: { concert_id, title: 'Over', artist: 'Nobody', venue: 'Nowhere', queue: 'main', currency: 'KRW' },
      dates: [{
        date, starts_at_unix_ms: starts, seats_total: 50, sale_opens_at_unix_ms: Date.now() - 2 * day,
        sale_closes_at_unix_ms: Date.now() - day,
        tiers: [{ first_seat_no: 1, last_seat_no: 50, price_won: 1000 }],
      }],
    });
    const user = await new User(suite).enter();
    const answer = await user.reserve({ concert_id, date, seat_no: 1 });
    assert.equal(answer.status, 409, JSON.stringify(answer.body));
    assert.equal(answer.body.code, 'NOT_ON_SALE');
    stub.close();
  });
});

it('every invariant holds afterwards', () => suite.audit());
