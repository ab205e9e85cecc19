// `make mock`: the document's examples, without any service.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { sourceDir } from '../../e2e/support/suite.js';
import { sleep } from '../../e2e/support/user.js';

const patienceMs = 60_000;
let mock, address;

before(async () => {
  const port = await new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
  address = `http://127.0.0.1:${port}`;
  mock = spawn(path.join(sourceDir, 'deploy/local/mock.sh'), { env: { ...process.env, PORT: String(port) }, stdio: 'ignore' });
  for (const end = Date.now() + patienceMs; ; await sleep(100)) {
    if (await fetch(`${address}/v1/time`).then(() => true, () => false)) return;
    assert.ok(Date.now() < end && mock.exitCode === null, 'the mock does not serve');
  }
});
after(() => mock?.kill());

const ask = (where, headers) => fetch(address + where, { headers: { authorization: 'Bearer x', ...headers } });

it('answers with the examples of the document', async () => {
  const answer = await ask('/v1/concerts');
  assert.equal(answer.status, 200);
  assert.ok((await answer.json()).concerts.length > 0);
});

it('answers with the refusal that is asked for', async () => {
  const answer = await ask('/v1/concerts', { prefer: 'code=403' });
  assert.equal(answer.status, 403);
  assert.equal((await answer.json()).code, 'NOT_YOUR_TURN');
});

it('refuses what the document refuses', async () => {
  const answer = await fetch(`${address}/v1/queue/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"user_id": 7}' });
  assert.ok(answer.status >= 400, String(answer.status));
});
