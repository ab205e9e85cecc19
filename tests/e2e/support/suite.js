// A private suite: its own PostgreSQL, Redis and two instances of every service, started by the script behind `make up`.
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const sourceDir = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const buildDir = process.env.BOXOFFICE_BINARY_DIR ?? path.join(sourceDir, 'build/dev');

// Runs a program to its end; never throws: { code, stdout, stderr }.
export function run(file, args = [], { env = {}, input } = {}) {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr });
    });
    child.stdin.end(input ?? '');
  });
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

// The first of `count` free ports in a row, below those that outgoing connections use.
export async function freePorts(count) {
  for (;;) {
    const first = 10000 + Math.floor(Math.random() * 20000);
    const ports = Array.from({ length: count }, (_, i) => first + i);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
  }
}

function parseEnv(text) {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
  );
}

export class Suite {
  // settings: of the services, as environment
  static async start(settings = {}, { replicas = 2 } = {}) {
    const folder = await mkdtemp(path.join(tmpdir(), 'boxoffice-e2e-'));
    await chmod(folder, 0o755);
    const suite = new Suite();
    suite.folder = folder;
    suite.turn = 0;
    suite.environment = {
      GATEWAY_RATE_PER_USER: '100000',
      ...settings,
      STATE_DIR: path.join(folder, 'state'),
      PORT: String(await freePorts(replicas)),
      REPLICAS: String(replicas),
      BUILD_DIR: buildDir,
      // The documented ports are for people: two suites at once would take them from each other at every restart.
      FREE_PORTS: 'yes',
    };
    try {
      suite.greeting = await suite.up();
    } catch (error) {
      await suite.stop();
      throw error;
    }
    return suite;
  }

  // Starts what does not run; what it printed.
  async up(settings = {}) {
    const up = path.join(sourceDir, 'deploy/local/up.sh');
    const { code, stdout, stderr } = await run(up, [], { env: { ...this.environment, ...settings } });
    if (code !== 0) throw new Error(`up.sh ended with ${code}\n${stdout}\n${stderr}`);
    this.env = parseEnv(await readFile(path.join(this.environment.STATE_DIR, 'env'), 'utf8'));
    this.gateways = Object.keys(this.env)
      .filter((name) => /^GATEWAY_\d+_URL$/.test(name))
      .sort()
      .map((name) => this.env[name]);
    return stdout;
  }

  async stop() {
    if (process.env.KEEP_STATE) {
      await run(path.join(sourceDir, 'deploy/local/down.sh'), [], { env: this.environment });
      console.log(`kept: ${this.environment.STATE_DIR}`);
      return;
    }
    await run(path.join(sourceDir, 'deploy/local/clean-state.sh'), [], { env: this.environment });
    await rm(this.folder, { recursive: true, force: true });
  }

  // Requests take turns over the gateways, so that every test meets both.
  nextGateway() {
    this.turn += 1;
    return this.gateways[this.turn % this.gateways.length];
  }

  pid(name) {
    const pid = Number(this.env[`${name}_PID`]);
    // Zero would be everybody in our process group.
    if (!(pid > 1)) throw new Error(`${name} does not run`);
    return pid;
  }
  signal(name, signal) {
    process.kill(this.pid(name), signal);
  }
  async untilGone(name) {
    const pid = this.pid(name);
    for (;;) {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      if (stat === '' || stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z') return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  admin(...args) {
    return run(path.join(this.env.BOXOFFICE_BIN_DIR, 'boxoffice-admin'), args, {
      env: { ...this.environment, ...this.env },
    });
  }

  // What a query answers, as text without its last newline; asked of the whole server, or of one service's database.
  async ask(sql, database = 'POSTGRES_URL') {
    const { code, stdout, stderr } = await run('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-c', sql, this.env[database]]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trimEnd();
  }

  // Every invariant of the suite, once things are quiet; throws with the report when one is violated.
  async audit() {
    const { code, stdout, stderr } = await this.admin('audit');
    if (code !== 0) throw new Error(`the audit found violations (${code}):\n${stdout}\n${stderr}`);
    const counts = [...stdout.matchAll(/violations=(\d+)/g)].map((match) => Number(match[1]));
    if (counts.length < 13) throw new Error(`the audit looked at ${counts.length} invariants:\n${stdout}`);
    return stdout;
  }

  // The end of a process's log, for the message of a failing test.
  async log(name, lines = 20) {
    const file = path.join(this.environment.STATE_DIR, 'logs', `${name.toLowerCase()}.log`);
    return (await readFile(file, 'utf8')).split('\n').slice(-lines).join('\n');
  }
}

