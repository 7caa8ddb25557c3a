import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import WebSocket from 'ws';

/** The hub under test, told by the environment. */
export const HUB = required('CARILLON_URL').replace(/\/$/, '');
export const EMAIL = required('CARILLON_EMAIL');
export const PASSWORD = required('CARILLON_PASSWORD');

function required(name) {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `set \`${name}\`: the address and login of a running hub come from CARILLON_URL, CARILLON_EMAIL, CARILLON_PASSWORD`,
    );
  return value;
}

let login = null;

/** The login of these tests: made once per file, so that no throttle is met. Resolves with tokens, user and cookie. */
export function signIn() {
  login ??= (async () => {
    const answer = await fetch(`${HUB}/api/v1/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
    });
    assert.equal(answer.status, 200, `logging in answered ${answer.status}`);
    const [cookie] = answer.headers
      .getSetCookie()
      .map((text) => text.split(';')[0])
      .filter((text) => text.startsWith('carillon_session='));
    assert.ok(cookie, 'logging in set no session cookie');
    return { ...(await answer.json()), cookie: cookie.slice('carillon_session='.length) };
  })();
  return login;
}

/** Calls the HTTP API as the person of these tests. */
export async function call(method, path, body) {
  const { accessToken } = await signIn();
  const answer = await fetch(`${HUB}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${accessToken}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path} answered ${answer.status}: ${answer.ok ? '' : await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

/** An id that no other test and no other run uses. */
export function uniqueId(word = 'TST') {
  return `BT-${randomBytes(5).toString('hex').toUpperCase()}-${word}`;
}

/** Makes a module that is removed when the test ends. Resolves with `{module, token}`. */
export async function newModule(test, { moduleId = uniqueId(), name = `Bell ${moduleId}`, type = 'Station' } = {}) {
  const made = await call('POST', '/modules', { moduleId, name, type });
  removeAfter(test, moduleId);
  return made;
}

/** Brings readings to the hub as a module does by a request: `[{ts, telemetry}]`. */
export async function report(moduleId, token, readings) {
  const answer = await fetch(`${HUB}/api/v1/modules/${moduleId}/telemetry`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(readings),
  });
  assert.equal(answer.status, 200, `readings were answered ${answer.status}`);
}

/** Removes a module when the test ends, if it is still there. */
export function removeAfter(test, moduleId) {
  test.after(() => call('DELETE', `/modules/${moduleId}`).catch(() => {}));
}

/** A device of our own: connects by the module's door, and sends what it is told. */
export class Device {
  #socket;
  #nextId = 1;
  #acks = new Map();
  /** What it answers to a command: `{ok, result}`; without it, nothing. @type {null | ((command: object) => object)} */
  obey = null;

  /** Connects; resolves when the hub said welcome. */
  static async connect(test, token) {
    const device = new Device();
    device.#socket = new WebSocket(`${HUB.replace(/^http/, 'ws')}/ws/module`, {
      headers: { authorization: `Bearer ${token}` },
    });
    await new Promise((resolve, reject) => {
      device.#socket.on('error', reject);
      device.#socket.on('close', (code) => reject(new Error(`the hub closed the module's connection with ${code}`)));
      device.#socket.on('message', (text) => device.#receive(JSON.parse(text), resolve));
    });
    test.after(() => device.disconnect());
    return device;
  }

  #receive(frame, welcomed) {
    if (frame.type === 'welcome') welcomed();
    if (frame.type === 'ack') this.#acks.get(frame.id)?.();
    if (frame.type === 'command' && this.obey)
      this.#socket.send(JSON.stringify({ type: 'result', commandId: frame.commandId, ...this.obey(frame) }));
  }

  /** Sends telemetry; resolves with its acknowledgement. */
  send(telemetry) {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#acks.set(id, resolve);
      this.#socket.send(JSON.stringify({ type: 'telemetry', id, telemetry }));
    });
  }

  disconnect() {
    this.#socket.close();
  }
}
