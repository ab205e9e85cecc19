// A name server for a test cluster that has none: answers A queries for <service>[.<namespace>.svc.cluster.local] with the ready addresses
// of its Endpoints, or its cluster address. node names.js <address> <command to run kubectl...>
import { execFile } from 'node:child_process';
import dgram from 'node:dgram';

const [address, ...kubectl] = process.argv.slice(2);
const refreshMs = 1000;
const ttlS = 1;
const suffix = '.svc.cluster.local';
let known = new Map(); // "wallet.boxoffice" -> addresses

function list(kind) {
  return new Promise((resolve, reject) => {
    const [file, ...rest] = kubectl;
    execFile(file, [...rest, 'get', kind, '--all-namespaces', '-o', 'json'], { maxBuffer: 1 << 26 }, (error, stdout) => {
      if (error) reject(error);
      else resolve(JSON.parse(stdout).items);
    });
  });
}

async function refresh() {
  const [services, endpoints] = await Promise.all([list('services'), list('endpoints')]);
  const fresh = new Map();
  for (const { metadata, subsets } of endpoints)
    fresh.set(`${metadata.name}.${metadata.namespace}`, (subsets ?? []).flatMap((subset) => (subset.addresses ?? []).map((one) => one.ip)));
  for (const { metadata, spec } of services)
    if (spec.clusterIP && spec.clusterIP !== 'None') fresh.set(`${metadata.name}.${metadata.namespace}`, [spec.clusterIP]);
  known = fresh;
}

// The question of a query (RFC 1035, 4.1.2): its name, its type, and where it ends.
function questionOf(message) {
  const labels = [];
  let at = 12;
  for (let size = message[at]; size > 0; size = message[at]) {
    labels.push(message.toString('latin1', at + 1, at + 1 + size));
    at += 1 + size;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

function answerTo(message) {
  const { name, type, end } = questionOf(message);
  const addresses = name.endsWith(suffix) ? known.get(name.slice(0, -suffix.length)) : undefined;
  const given = type === 1 ? (addresses ?? []) : [];
  const head = Buffer.from(message.subarray(0, end));
  head.writeUInt16BE(addresses === undefined ? 0x8583 : 0x8580, 2); // authoritative; NXDOMAIN or no error
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(given.length, 6);
  head.writeUInt32BE(0, 8);
  const records = given.map((ip) => {
    const record = Buffer.alloc(16);
    record.writeUInt16BE(0xc00c, 0); // the name of the question
    record.writeUInt16BE(1, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttlS, 6);
    record.writeUInt16BE(4, 10);
    ip.split('.').forEach((byte, i) => { record[12 + i] = Number(byte); });
    return record;
  });
  return Buffer.concat([head, ...records]);
}

const socket = dgram.createSocket('udp4');
socket.on('message', (message, from) => {
  try {
    socket.send(answerTo(message), from.port, from.address);
  } catch (error) {
    console.error(`not understood: ${error.message}`);
  }
});
socket.bind(53, address, () => console.log(`names on ${address}:53`));
for (;;) {
  await refresh().catch((error) => console.error(error.message));
  await new Promise((resolve) => setTimeout(resolve, refreshMs));
}
