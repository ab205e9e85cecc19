// Users who do everything but pay, until standard input ends: node load.js <gateway> <users>. Prints how many requests were made and how
// many of them failed; ends with 1 when one did.
import { Load } from '../../e2e/support/load.js';
import { Dates } from '../../e2e/support/user.js';

const [gateway, users] = process.argv.slice(2);
const suite = { gateways: [gateway], nextGateway: () => gateway };
const dates = await Dates.of(suite);
const load = new Load(suite, [dates.next(), dates.next()], Number(users));
for await (const _ of process.stdin);
const failures = await load.stop();
console.log(`${load.requests} requests, ${failures.length} failed`);
for (const failure of failures.slice(0, 10)) console.log(`  ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);
