// Concerts with halls of any size, made as an operator makes them: by gRPC.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';
import { sourceDir } from '../../e2e/support/suite.js';

const require = createRequire(path.join(sourceDir, 'tests/e2e/package.json'));
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const dayMs = 86400000;

/**
 * @param {import('../../e2e/support/suite.js').Suite} suite
 * @param {string} title
 * @param {number} seats
 * @param {{ queue?: string }} [more]
 * @returns {Promise<string>} the page's address of its date
 */
export async function makeHall(suite, title, seats, { queue = 'main' } = {}) {
  const options = { includeDirs: [path.join(sourceDir, 'proto')], longs: Number, enums: String, keepCase: true };
  const { boxoffice } = grpc.loadPackageDefinition(loader.loadSync('boxoffice/concert/v1/concert.proto', options));
  const stub = new boxoffice.concert.v1.ConcertService(suite.env.CONCERT_1_GRPC, grpc.credentials.createInsecure());
  const concert_id = randomUUID();
  const starts = Date.now() + 10 * dayMs;
  const date = new Date(starts).toISOString().slice(0, 10);
  const third = Math.ceil(seats / 3);
  const request = {
    concert: { concert_id, title, artist: 'The Large Ensemble', venue: 'Some Hall', queue, currency: 'KRW' },
    dates: [{
      date, starts_at_unix_ms: starts, seats_total: seats, sale_opens_at_unix_ms: Date.now() - dayMs, sale_closes_at_unix_ms: starts,
      tiers: [{ first_seat_no: 1, last_seat_no: third, price_won: 90000 }, { first_seat_no: third + 1, last_seat_no: seats, price_won: 40000 }],
    }],
  };
  await new Promise((resolve, reject) => {
    stub.CreateConcert(request, { deadline: Date.now() + 10000 }, (error) => (error ? reject(error) : resolve()));
  });
  stub.close();
  return `#/concerts/${concert_id}/${date}`;
}
