// Where identities are checked, a place needs the user's own JWT; where they are not, the gateway says so at start.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Suite, run } from '../support/suite.js';
import { User, ask, expect, expectProblem } from '../support/user.js';

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const soon = () => Math.floor(Date.now() / 1000) + 600;

function token({ privateKey, alg = 'RS256', kid = 'one', ...claims }) {
  const text = `${encode({ alg, kid, typ: 'JWT' })}.${encode({ exp: soon(), ...claims })}`;
  if (typeof privateKey === 'string') return `${text}.${createHmac('sha256', privateKey).update(text).digest('base64url')}`;
  const how = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  return `${text}.${privateKey === undefined ? '' : sign('sha256', Buffer.from(text), how).toString('base64url')}`;
}

describe('with IDENTITY_MODE=jwt', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publish = (...keys) => writeFile(file, JSON.stringify({ keys }));
  const jwk = ({ publicKey }, kid) => ({ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' });
  let folder;
  let file;
  let suite;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'boxoffice-keys-'));
    await chmod(folder, 0o755);
    file = path.join(folder, 'keys.json');
    await publish(jwk(rsa, 'one'), jwk(ec, 'two'));
    suite = await Suite.start({ IDENTITY_MODE: 'jwt', IDENTITY_JWKS_FILE: file }, { replicas: 1 });
  });
  after(async () => {
    await suite?.stop();
    await rm(folder, { recursive: true });
  });

  const join = (user, identity) =>
    ask(suite.nextGateway(), 'POST', '/v1/queue/tokens', { token: identity, body: { user_id: user } });

  test('a user joins as themselves, and the place opens the catalog', async () => {
    const user = new User(suite);
    const place = expect(await join(user.id, token({ privateKey: rsa.privateKey, sub: user.id })), 201);
    user.token = place.token;
    assert.ok((await user.concerts()).length > 0);
    // The same user from another device, by the other key.
    const again = token({ privateKey: ec.privateKey, alg: 'ES256', kid: 'two', sub: user.id.toUpperCase() });
    assert.equal(expect(await join(user.id, again), 200).token_id, place.token_id);
  });

  test('nobody joins as somebody else', async () => {
    const user = randomUUID();
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    const sub = user;
    expectProblem(await join(user, undefined), 401, 'IDENTITY_REQUIRED');
    expectProblem(await join(user, token({ privateKey: rsa.privateKey, sub: randomUUID() })), 403, 'NOT_YOUR_ACCOUNT');
    const forgeries = {
      'another key': token({ privateKey: other.privateKey, sub }),
      'over': token({ privateKey: rsa.privateKey, sub, exp: soon() - 700 }),
      'not begun': token({ privateKey: rsa.privateKey, sub, nbf: soon() }),
      'alg none': token({ alg: 'none', sub }),
      'an HMAC by the public key': token({ privateKey: pem, alg: 'HS256', sub }),
      'an unknown key': token({ privateKey: rsa.privateKey, kid: 'three', sub }),
      'no subject': token({ privateKey: rsa.privateKey }),
    };
    for (const [what, forgery] of Object.entries(forgeries))
      assert.equal(expectProblem(await join(user, forgery), 401, 'IDENTITY_INVALID').code, 'IDENTITY_INVALID', what);
  });

  test('keys change while it runs', async () => {
    const user = randomUUID();
    await publish(jwk(other, 'new'));
    const fresh = token({ privateKey: other.privateKey, kid: 'new', sub: user });
    // The file is looked at once a second at most.
    for (let i = 0; i < 60 && (await join(user, fresh)).status === 401; i++) await new Promise((done) => setTimeout(done, 200));
    expect(await join(user, fresh), 200);
    expectProblem(await join(user, token({ privateKey: rsa.privateKey, sub: user })), 401, 'IDENTITY_INVALID');
  });

  test('a gateway that could check nobody does not start', async () => {
    const gateway = path.join(suite.env.BOXOFFICE_BIN_DIR, 'boxoffice-gateway');
    for (const settings of [{}, { IDENTITY_SECRET: 'short' }, { IDENTITY_JWKS_FILE: '/nowhere/keys.json' }]) {
      const env = { IDENTITY_MODE: 'jwt', TOKEN_SECRET: 'a secret of thirty-two bytes or more', ...settings };
      const { code, stdout, stderr } = await run(gateway, [], { env });
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, /IDENTITY_SECRET or IDENTITY_JWKS_FILE/);
    }
  });

  test('a gateway that trusts everybody says so', async () => {
    const log = await readFile(path.join(suite.environment.STATE_DIR, 'logs/gateway_1.log'), 'utf8');
    assert.doesNotMatch(log, /IDENTITY_MODE is trust/);
    // It has nowhere to listen, so that it ends at once.
    const env = { TOKEN_SECRET: 'a secret of thirty-two bytes or more', GATEWAY_LISTEN: 'nowhere' };
    const { stdout, stderr } = await run(path.join(suite.env.BOXOFFICE_BIN_DIR, 'boxoffice-gateway'), [], { env });
    assert.match(stdout + stderr, /IDENTITY_MODE is trust/);
  });
});
