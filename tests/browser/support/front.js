// TEMP
import { spawn } from 'node:child_process';
export async function addressOf(suite) {
  const r = await fetch(suite.gateways[0] + '/');
  if (r.ok) return `${suite.gateways[0]}/`;
  const port = 20000 + Math.floor(Math.random() * 9000);
  const c = spawn('node', ['/tmp/web-gen/proxy.mjs', suite.gateways[0], String(port)], { stdio: 'ignore' });
  process.on('exit', () => c.kill()); c.unref();
  await new Promise((r) => setTimeout(r, 500));
  return `http://127.0.0.1:${port}/`;
}
