// What one user may ask for in a second.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Suite, run, sourceDir } from '../support/suite.js';
import { User, count, expect, expectProblem, sleep } from '../support/user.js';

let suite;
before(async () => {
  suite = await Suite.start({ GATEWAY_RATE_PER_USER: '5' }, { replicas: 1 });
});
after(() => suite?.stop());

it('a user who asks too fast is told to slow down, others are not', async () => {
  const user = await new User(suite).enter();
  const other = await new User(suite).enter();
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => user.ask('GET', `/v1/users/${user.id}/balance`)));
  const told = count(answers, (answer) => answer.status);
  assert.ok(told[200] >= 1 && told[429] >= 1, JSON.stringify(told));
  assert.equal(told[200] + told[429], 300, JSON.stringify(told));
  const refused = answers.find((answer) => answer.status === 429);
  expectProblem(refused, 429, 'RATE_LIMITED');
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  expect(await other.ask('GET', `/v1/users/${other.id}/balance`), 200);
  await sleep(1000 * Number(refused.headers.get('retry-after')));
  expect(await user.ask('GET', `/v1/users/${user.id}/balance`), 200);
});

it('bad settings are reported together', async () => {
  const env = { QUEUE_CAPACITY: '0', QUEUE_POLICY: 'none', QUEUE_ACTIVE_TTL_MS: 'x', STATE_DIR: `${suite.folder}/bad` };
  await assert.rejects(suite.up(env), (error) => {
    for (const name of ['QUEUE_CAPACITY', 'QUEUE_POLICY', 'QUEUE_ACTIVE_TTL_MS', 'queue_1.log'])
      assert.ok(error.message.includes(name), `${name} is not named in: ${error.message}`);
    return true;
  });
  await run(`${sourceDir}/deploy/local/clean-state.sh`, [], { env: { ...suite.environment, ...env } });
});
