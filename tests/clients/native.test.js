// The native WebSocket and the doors of modules, spoken by `ws` and by Node's own fetch.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { before, test } from 'node:test';
import WebSocket from 'ws';

const HUB = process.env.CARILLON_URL.replace(/\/$/, '');
const SOCKETS = HUB.replace(/^http/, 'ws');
const PATIENCE_MS = 45000;
let bearer = {};

before(async () => {
  const { CARILLON_EMAIL: email, CARILLON_PASSWORD: password } = process.env;
  const login = await ask('POST', '/auth/login', { email, password });
  bearer = { authorization: `Bearer ${login.accessToken}` };
});

async function ask(method, path, body) {
  const headers = { ...bearer, 'content-type': 'application/json' };
  const answer = await fetch(`${HUB}/api/v1${path}`, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

/** A socket whose frames are taken one by one. */
class Peer {
  #frames = [];
  #wake = () => {};

  constructor(path, headers, options = {}) {
    this.socket = new WebSocket(`${SOCKETS}${path}`, { headers, ...options });
    this.socket.on('message', (data) => this.#push(JSON.parse(data)));
    this.socket.on('close', (code) => this.#push({ type: 'closed', code }));
    this.socket.on('error', () => {});
  }

  #push(frame) {
    this.#frames.push(frame);
    this.#wake();
  }

  async opened() {
    await once(this.socket, 'open', { signal: AbortSignal.timeout(PATIENCE_MS) });
    return this;
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  async next(wanted = ({ type }) => type !== 'synced') {
    for (;;) {
      while (this.#frames.length > 0) {
        const frame = this.#frames.shift();
        if (wanted(frame)) return frame;
      }
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('the hub says nothing')), PATIENCE_MS);
        this.#wake = () => (clearTimeout(timer), resolve());
      });
    }
  }
}

test('a module reports and every page sees it, compression offered or not', async () => {
  const moduleId = `MC-${randomBytes(4).toString('hex')}`;
  const pages = await Promise.all(
    [true, false].map((perMessageDeflate) => new Peer('/ws', bearer, { perMessageDeflate }).opened()),
  );
  for (const page of pages) {
    page.send({ type: 'hello', topics: ['modules'] });
    assert.equal((await page.next()).type, 'welcome');
    assert.equal((await page.next()).topic, 'modules');
  }

  const { token } = await ask('POST', '/modules', { moduleId, name: 'North gate', type: 'Station' });
  const basic = Buffer.from(`${moduleId}:${token}`).toString('base64');
  const device = await new Peer('/ws/module', { authorization: `Basic ${basic}` }).opened();
  assert.deepEqual(await device.next(), { type: 'welcome', moduleId });
  device.send({ type: 'telemetry', id: 7, telemetry: { speed: 1.5, on: true } });
  assert.deepEqual(await device.next(), { type: 'ack', id: 7 });

  for (const page of pages) {
    const seen = [];
    while (!seen.includes('rt_telemetry_updated')) {
      const frame = await page.next(({ data }) => data?.moduleId === moduleId);
      seen.push(frame.event);
    }
    assert.deepEqual(seen, ['rt_module_added', 'rt_module_online', 'rt_telemetry_updated']);
    page.socket.terminate();
  }
  device.socket.terminate();
  await ask('DELETE', `/modules/${moduleId}`);
});

test('large messages are compressed both ways, whatever window the client has', async () => {
  const topic = `custom:${randomBytes(4).toString('hex')}`;
  const offers = [
    { threshold: 0 },
    { threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 9 },
    { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  ];
  const pages = await Promise.all(
    offers.map((perMessageDeflate) => new Peer('/ws', bearer, { perMessageDeflate }).opened()),
  );
  for (const page of pages) {
    assert.match(page.socket.extensions, /permessage-deflate/);
    page.send({ type: 'hello', topics: [topic, ...Array.from({ length: 100 }, () => topic)] });
    assert.equal((await page.next()).type, 'welcome');
    assert.equal((await page.next()).type, 'snapshot');
  }
  const before = pages.map(({ socket }) => socket._socket.bytesRead);

  const data = { text: 'again and again '.repeat(1000) };
  await ask('POST', '/events', { event: 'rt_large', topic, data });

  for (const page of pages) assert.deepEqual((await page.next()).data, data);
  const [wide, narrow] = pages.map(({ socket }, index) => socket._socket.bytesRead - before[index]);
  assert.ok(wide < 1000, `${wide} bytes came`);
  assert.ok(narrow > 16000, 'who looks back less far gets the event as it is');
  for (const page of pages) page.socket.terminate();
});

test('a client that is cut again and again gets every event once and in order', async () => {
  const topic = `custom:${randomBytes(4).toString('hex')}`;
  const wanted = 300;
  let cursor;
  const got = [];
  const reading = (async () => {
    while (got.length < wanted) {
      const client = await new Peer('/ws', bearer).opened();
      client.send({ type: 'hello', cursor, topics: [topic] });
      const welcome = await client.next();
      assert.equal(welcome.recovered, cursor !== undefined);
      cursor ??= (await client.next()).cursor;
      const until = got.length + 1 + Math.floor(Math.random() * 30);
      while (got.length < Math.min(until, wanted)) {
        const frame = await client.next();
        assert.equal(frame.type, 'event');
        got.push(frame.data.n);
        cursor = frame.cursor;
      }
      client.socket.terminate();
    }
  })();
  while (cursor === undefined) await new Promise(setImmediate);
  for (let n = 0; n < wanted; n += 1) await ask('POST', '/events', { event: 'rt_count', topic, data: { n } });
  await reading;

  assert.deepEqual(got, Array.from({ length: wanted }, (_, n) => n));
});

test('fragments, pings and a clean close are understood', async () => {
  const client = await new Peer('/ws', bearer).opened();
  client.socket.send('{"type":', { fin: false });
  client.socket.ping('are you there');
  const [payload] = await once(client.socket, 'pong');
  assert.equal(payload.toString(), 'are you there');
  client.socket.send('"ping"}', { fin: true });
  await client.next(({ type }) => type === 'pong');

  client.socket.close(1000);
  assert.equal((await client.next(({ type }) => type === 'closed')).code, 1000);
});
