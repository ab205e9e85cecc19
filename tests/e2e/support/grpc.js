// A service of the suite, called by grpc-js.
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { sourceDir } from './suite.js';

const options = { longs: Number, enums: String, defaults: true, keepCase: true, bytes: Buffer };

export function client(suite, service, n = 1) {
  const file = `boxoffice/${service}/v1/${service}.proto`;
  const includeDirs = [path.join(sourceDir, 'proto')];
  const definition = grpc.loadPackageDefinition(loader.loadSync(file, { ...options, includeDirs }));
  const name = `${service[0].toUpperCase()}${service.slice(1)}Service`;
  const address = suite.env[`${service.toUpperCase()}_${n}_GRPC`];
  return new definition.boxoffice[service].v1[name](address, grpc.credentials.createInsecure());
}

export function call(stub, method, request, deadlineMs = 10000) {
  return new Promise((resolve, reject) => {
    const done = (error, response) => (error ? reject(error) : resolve(response));
    stub[method](request, { deadline: Date.now() + deadlineMs }, done);
  });
}
