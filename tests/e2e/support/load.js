// Users who do everything but pay, over and over, until told to stop: what a rolling restart must not disturb.
import { randomUUID } from 'node:crypto';
import { User, ask } from './user.js';

// A load balancer's part: an instance that refuses connections is passed over. Every request of ours may be sent
// again as it is: reads, joins, and writes with a key.
class SteadyUser extends User {
  async ask(method, path, options = {}) {
    const { gateways } = this.suite;
    const first = gateways.indexOf(this.suite.nextGateway());
    let failure;
    for (let i = 0; i < 2 * gateways.length; i++) {
      try {
        const gateway = gateways[(first + i) % gateways.length];
        return await ask(gateway, method, path, { token: this.token, ...options });
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }
}

export class Load {
  constructor(suite, dates, users) {
    this.failures = [];
    this.requests = 0;
    this.running = true;
    this.done = Promise.all(
      Array.from({ length: users }, (_, i) => this.#live(new SteadyUser(suite), dates[i % dates.length], i + 1)),
    );
  }

  async #live(user, date, i) {
    const seat = { ...date, seat_no: (i % 50) + 1 };
    let balance = 0;
    await this.#step('enter', user.enter(), () => user.place.status === 'ACTIVE');
    while (this.running) {
      await this.#step('look', user.ask('GET', '/v1/queue/tokens/me'), (a) => a.status === 200);
      await this.#step('seats', user.ask('GET', `/v1/concerts/${date.concert_id}/dates/${date.date}/seats`),
        (a) => a.status === 200);
      const held = await this.#step('reserve', user.reserve(seat, { key: randomUUID() }), (a) => a.status === 201);
      const charged = await this.#step('charge', user.charge(1), (a) => a.status === 201);
      balance += charged?.status === 201 ? 1 : 0;
      await this.#step('payments', user.ask('GET', '/v1/payments'), (a) => a.status === 200);
      if (held?.body?.reservation_id)
        await this.#step('cancel', user.cancel(held.body), (a) => a.status === 204);
    }
    await this.#step('balance', user.balance(), (b) => b === balance);
  }

  async #step(what, promise, isFine) {
    this.requests += 1;
    let answer;
    try {
      answer = await promise;
      if (isFine(answer)) return answer;
      this.failures.push(`${what}: ${answer.status ?? ''} ${JSON.stringify(answer.body ?? answer)}`);
    } catch (error) {
      this.failures.push(`${what}: ${error.message} ${error.cause ?? ''}`);
    }
    return answer;
  }

  async stop() {
    this.running = false;
    await this.done;
    return this.failures;
  }
}
