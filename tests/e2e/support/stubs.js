// The services' own gRPC, for tests that must reach one certain instance.
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { sourceDir } from './suite.js';

export function stub(service, address) {
  const definition = grpc.loadPackageDefinition(
    loader.loadSync(`boxoffice/${service}/v1/${service}.proto`, {
      includeDirs: [path.join(sourceDir, 'proto')],
      longs: Number,
      enums: String,
      defaults: true,
      keepCase: true,
    }),
  );
  const name = `${service[0].toUpperCase()}${service.slice(1)}Service`;
  return new definition.boxoffice[service].v1[name](address, grpc.credentials.createInsecure());
}

// { response } or { error }; never throws.
export function call(client, method, request, deadlineMs = 10000) {
  return new Promise((resolve) => {
    client[method](request, { deadline: Date.now() + deadlineMs }, (error, response) =>
      resolve(error ? { error } : { response }),
    );
  });
}
