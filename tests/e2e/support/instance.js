// One instance of a service whose process a test replaces by one that fails where it is told to (lib/failpoint).
import { spawn } from 'node:child_process';
import { open, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sleep } from './user.js';

export class Instance {
  // name: "PAYMENT_1"; it must run
  static async of(suite, name) {
    const instance = new Instance();
    const proc = `/proc/${suite.pid(name)}`;
    const owner = await stat(proc);
    Object.assign(instance, { suite, name, uid: owner.uid, gid: owner.gid });
    instance.file = await readlink(`${proc}/exe`);
    const environment = (await readFile(`${proc}/environ`, 'utf8')).split('\0').filter(Boolean);
    instance.environment = Object.fromEntries(
      environment.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)]),
    );
    instance.log = path.join(suite.environment.STATE_DIR, 'logs', `${name.toLowerCase()}.log`);
    return instance;
  }

  get admin() {
    return `http://${this.suite.env[`${this.name}_ADMIN`]}`;
  }
  get grpc() {
    return this.suite.env[`${this.name}_GRPC`];
  }

  // Kills the process and puts another one in its place: same addresses, other environment.
  async replace(settings = {}) {
    const { suite, name } = this;
    if (suite.env[`${name}_PID`]) {
      try {
        suite.signal(name, 'SIGKILL');
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
      await suite.untilGone(name);
    }
    const log = await open(this.log, 'a');
    this.mark = (await log.stat()).size;
    const child = spawn(this.file, [], {
      cwd: '/',
      detached: true,
      env: { ...this.environment, ...settings },
      stdio: ['ignore', log.fd, log.fd],
      uid: this.uid,
      gid: this.gid,
    });
    child.unref();
    await log.close();
    suite.env[`${name}_PID`] = String(child.pid);
    await this.#record(child.pid);
    await this.#untilReady(child);
  }

  // Where the scripts look when they stop everything.
  async #record(pid) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').pop().split(' ');
    await writeFile(path.join(this.suite.environment.STATE_DIR, 'pids', this.name), `${pid} ${fields[19]}\n`);
  }

  // Ready, or gone: others may send it where it is to fail before we have looked.
  async #untilReady(child) {
    for (const end = Date.now() + 30000; Date.now() < end; await sleep(20)) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const answer = await fetch(`${this.admin}/readyz`).catch(() => undefined);
      if (answer?.status === 200) return;
    }
    throw new Error(`${this.name} is not ready: ${await this.suite.log(this.name)}`);
  }

  // The fail points that this process went through, in order.
  async fired() {
    const text = (await readFile(this.log)).subarray(this.mark).toString('utf8');
    return [...text.matchAll(/^fail point (\S+)$/gm)].map((match) => match[1]);
  }
}
