import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const BINARY = process.env.CARILLON_BINARY ?? fileURLToPath(new URL('../../../target/debug/carillon', import.meta.url));
const EMAIL = 'admin@example.org';
const PASSWORD = 'correct horse battery';
const PATIENCE_MS = 60000;

/** A hub of one test's own, which may be stopped, killed and started again at the same address. */
export class OwnHub {
  #port;
  #data;
  #settings;
  #process = null;

  /** Starts it on an empty database. @param {Record<string, string>} [settings] Environment variables. */
  static async start(test, settings = {}) {
    const hub = new OwnHub();
    hub.#settings = settings;
    hub.#data = await mkdtemp(join(tmpdir(), 'carillon-own-'));
    hub.#port = await freePort();
    test.after(async () => {
      await hub.kill();
      await rm(hub.#data, { recursive: true, force: true });
    });
    await hub.start();
    return hub;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it, and waits until it is ready. */
  async start() {
    this.#process = spawn(BINARY, ['serve', '--listen', `127.0.0.1:${this.#port}`, '--data', this.#data], {
      stdio: 'ignore',
      env: {
        ...process.env,
        CARILLON_ADMIN_EMAIL: EMAIL,
        CARILLON_ADMIN_PASSWORD: PASSWORD,
        CARILLON__AUTH__BCRYPT_COST: '6',
        CARILLON__MQTT__LISTEN: '127.0.0.1:0',
        ...this.#settings,
      },
    });
    const until = Date.now() + PATIENCE_MS;
    while (!(await fetch(`${this.url}/health/ready`).catch(() => ({}))).ok) {
      assert.ok(Date.now() < until, 'the hub does not get ready');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Lets it say goodbye and go. */
  async stop() {
    await this.#end('SIGTERM');
  }

  /** Ends it without a word. */
  async kill() {
    await this.#end('SIGKILL');
  }

  get email() {
    return EMAIL;
  }

  get password() {
    return PASSWORD;
  }

  /** Logs in; resolves with the answer. */
  async logIn() {
    return call(this.url, 'POST', '/auth/login', { email: EMAIL, password: PASSWORD });
  }

  async #end(signal) {
    const running = this.#process;
    this.#process = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, 'exit');
    running.kill(signal);
    await exited;
  }
}

/** Asks a hub's API; resolves with the body. */
export async function call(url, method, path, body, accessToken) {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
    },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path} answered ${answer.status}: ${answer.ok ? '' : await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
