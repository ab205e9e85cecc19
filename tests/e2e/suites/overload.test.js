// More than a gateway can serve: refused at once, with the rest served, and alive all the while.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { Suite } from '../support/suite.js';
import { count, enterMany, expect, expectProblem } from '../support/user.js';

const inFlightMax = 16;
const crowd = 60;

let suite;
before(async () => {
  suite = await Suite.start({ GATEWAY_MAX_IN_FLIGHT: String(inFlightMax), GATEWAY_WORKERS: '8', QUEUE_CAPACITY: '1000' }, { replicas: 1 });
});
after(() => suite?.stop());

const livez = () => fetch(`http://${suite.env.GATEWAY_1_ADMIN}/livez`).then((answer) => answer.status);

it('what is beyond the limit is refused before anything else is answered, and liveness stays', async () => {
  const users = await enterMany(suite, 4);
  // Nothing that needs the wallet ends while it stands still, so the gateway fills up and stays full.
  suite.signal('WALLET_1', 'SIGSTOP');
  const answers = [];
  let asked;
  try {
    asked = Promise.all(
      Array.from({ length: crowd }, async (_, i) => {
        const user = users[i % users.length];
        answers.push(await user.ask('GET', `/v1/users/${user.id}/balance`));
      }),
    );
    while (answers.length < crowd - inFlightMax) {
      assert.equal(await livez(), 200);
      assert.ok(answers.every((answer) => answer.status === 503), 'answered without the wallet');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const refused = answers.slice(0, crowd - inFlightMax);
    for (const answer of refused) {
      expectProblem(answer, 503, 'OVERLOADED');
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    }
    assert.equal(await livez(), 200);
  } finally {
    suite.signal('WALLET_1', 'SIGCONT');
  }
  await asked;
  const told = count(answers, (answer) => answer.body?.code ?? answer.status);
  assert.equal(told.OVERLOADED, crowd - inFlightMax, JSON.stringify(told));
  assert.equal(told[200], inFlightMax, 'what was taken is answered');
  for (const user of users) assert.equal(expect(await user.ask('GET', `/v1/users/${user.id}/balance`), 200).balance, 0);
});

it('every invariant holds afterwards', () => suite.audit());
