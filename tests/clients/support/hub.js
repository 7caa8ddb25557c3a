import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PATIENCE_MS = 45000;
export const { CARILLON_EMAIL: EMAIL, CARILLON_PASSWORD: PASSWORD } = process.env;
export const HUB = process.env.CARILLON_URL.replace(/\/$/, '');

/** Logs in; resolves with the access token. */
export async function logIn(hub = HUB) {
  const answer = await fetch(`${hub}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).accessToken;
}

/** Calls the HTTP API. */
export async function call(token, method, path, body, hub = HUB) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const answer = await fetch(`${hub}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

/** A hub of our own with these settings (environment); resolves with its address, ends with the test. */
export async function ownHub(test, settings) {
  const data = await mkdtemp(join(tmpdir(), 'carillon-'));
  const port = await freePort();
  const binary = fileURLToPath(new URL('../../../target/debug/carillon', import.meta.url));
  const hub = spawn(binary, ['serve', '--listen', `127.0.0.1:${port}`, '--data', data], {
    env: {
      ...process.env,
      CARILLON_ADMIN_EMAIL: EMAIL,
      CARILLON_ADMIN_PASSWORD: PASSWORD,
      CARILLON__AUTH__BCRYPT_COST: '6',
      CARILLON__MQTT__LISTEN: '127.0.0.1:0',
      ...settings,
    },
    stdio: 'ignore',
  });
  test.after(async () => {
    const ended = once(hub, 'exit');
    hub.kill();
    await ended;
    await rm(data, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await fetch(`${url}/health/ready`).catch(() => ({}))).ok) {
    assert.ok(Date.now() < deadline && hub.exitCode === null, 'the hub does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return url;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}
