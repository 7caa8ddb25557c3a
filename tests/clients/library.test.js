// The client library in Node, against a running hub: by WebSocket (`ws`) and, where there is none, by server-sent events.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import WebSocket from 'ws';
import { Carillon, RefusedError } from '../../static/lib/carillon.js';
import { Cable } from './support/cable.js';
import { OwnHub, call } from './support/own_hub.js';

const HUB = process.env.CARILLON_URL.replace(/\/$/, '');
const PATIENCE_MS = 45000;
const WAYS = { websocket: { WebSocket }, sse: { WebSocket: null } };
const QUICK = { reconnectDelay: 5, maxReconnectDelay: 40, maxReconnectAttempts: 1000 };
let login;

before(async () => {
  const { CARILLON_EMAIL: email, CARILLON_PASSWORD: password } = process.env;
  login = await call(HUB, 'POST', '/auth/login', { email, password });
});

const ask = (method, path, body) => call(HUB, method, path, body, login.accessToken);
const uniqueTopic = () => `custom:${randomBytes(4).toString('hex')}`;
const publish = (topic, n) => ask('POST', '/events', { event: 'rt_count', topic, data: { n } });
const count = (length) => Array.from({ length }, (_, n) => n);

function client(t, options) {
  const hub = new Carillon({ url: HUB, token: () => login, ...QUICK, ...options });
  t.after(() => hub.close());
  return hub;
}

/** Resolves when the condition holds; it is looked at whenever the client says anything. */
function until(hub, isSo) {
  if (isSo()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`it did not become so: ${isSo}`)), PATIENCE_MS);
    const stops = ['state', 'welcome', 'snapshot', 'gap', 'problem', '*'].map((name) =>
      hub.on(name, () => {
        if (!isSo()) return;
        clearTimeout(limit);
        stops.forEach((stop) => stop());
        resolve();
      }),
    );
  });
}

for (const [way, means] of Object.entries(WAYS)) {
  test(`by ${way}: snapshots, then events, then no more of a topic given up`, async (t) => {
    const [first, second] = [uniqueTopic(), uniqueTopic()];
    const hub = client(t, { ...means, topics: [first] });
    const got = [];
    const snapshots = [];
    hub.on('rt_count', ({ n }, { at }) => got.push(n) && assert.ok(Date.parse(at)));
    hub.on('snapshot', ({ topic }) => snapshots.push(topic));
    hub.connect();
    await until(hub, () => snapshots.includes(first));
    assert.equal(hub.change.transport, way);

    await hub.subscribe([second]);
    await until(hub, () => snapshots.includes(second));
    await publish(second, 1);
    await until(hub, () => got.length === 1);
    await hub.unsubscribe([second]);
    await publish(second, 2);
    await publish(first, 3);
    await until(hub, () => got.length === 2);

    assert.deepEqual(got, [1, 3]);
    assert.deepEqual(hub.topics, [first]);
  });

  test(`by ${way}: what was missed comes after every cut, once and in order`, async (t) => {
    const [topic, other] = [uniqueTopic(), uniqueTopic()];
    const cable = await Cable.lay(t);
    const wanted = 240;
    const got = [];
    const gaps = [];
    const hub = client(t, { ...means, url: cable.origin, topics: [topic, other] });
    hub.on('gap', (gap) => gaps.push(gap));
    hub.on('rt_count', ({ n }) => {
      got.push(n);
      if (Math.random() < 0.1) cable.snap();
    });
    let settled = 0;
    hub.on('snapshot', () => (settled += 1));
    hub.connect();
    await until(hub, () => settled === 2);

    for (let n = 0; n < wanted; n += 1) {
      await publish(Math.random() < 0.5 ? topic : other, n);
      if (n % 60 === 30) await cable.cut().then(() => cable.mend());
    }
    await until(hub, () => got.length >= wanted);

    assert.deepEqual(got, count(wanted));
    assert.deepEqual(gaps, []);
    assert.ok(hub.statistics.reconnections > 3, `${hub.statistics.reconnections} reconnections`);
  });

  test(`by ${way}: a topic that one may not have is refused, and the others stay`, async (t) => {
    const topic = uniqueTopic();
    const hub = client(t, { ...means, topics: [topic] });
    const got = [];
    hub.on('rt_count', ({ n }) => got.push(n));
    hub.connect();
    await until(hub, () => hub.state === 'live');

    await assert.rejects(hub.subscribe(['no topic']), (error) => error instanceof RefusedError);
    assert.deepEqual(hub.topics, [topic]);
    await until(hub, () => hub.state === 'live');
    await publish(topic, 1);
    await until(hub, () => got.length === 1);
  });

  test(`by ${way}: another client goes on from a bookmark, without a snapshot`, async (t) => {
    const topic = uniqueTopic();
    const first = client(t, { ...means, topics: [topic] });
    first.connect();
    await until(first, () => first.bookmark?.topics.includes(topic));
    const bookmark = JSON.parse(JSON.stringify(first.bookmark));
    first.close();
    await publish(topic, 1);

    const second = client(t, { ...means, bookmark });
    const seen = [];
    second.on('snapshot', () => seen.push('snapshot'));
    second.on('rt_count', ({ n }) => seen.push(n));
    second.connect();
    await until(second, () => seen.length > 0);

    assert.deepEqual(seen, [1]);
  });

  test(`by ${way}: a login that ends is the end, after the provider was asked once more`, async (t) => {
    const { CARILLON_EMAIL: email, CARILLON_PASSWORD: password } = process.env;
    const other = await call(HUB, 'POST', '/auth/login', { email, password });
    let asked = 0;
    const token = () => {
      asked += 1;
      return other.accessToken;
    };
    const hub = client(t, { ...means, token });
    hub.connect();
    await until(hub, () => hub.state === 'live');
    const before = asked;
    await call(HUB, 'POST', '/auth/logout', undefined, other.accessToken);
    await until(hub, () => hub.state === 'ended');

    assert.deepEqual([hub.change.reason, hub.change.code], ['login', 4001]);
    assert.ok(asked > before);
  });

  test(`by ${way}: a hub that goes says when to come back, and one that is killed is found again`, async (t) => {
    const own = await OwnHub.start(t);
    const { accessToken } = await own.logIn();
    const topic = uniqueTopic();
    const hub = client(t, { ...means, url: own.url, token: () => accessToken, topics: [topic] });
    const told = [];
    const got = [];
    const gaps = [];
    hub.on('bye', ({ code, retryAfterMs }) => told.push({ code, retryAfterMs }));
    hub.on('gap', (gap) => gaps.push(gap));
    hub.on('rt_count', ({ n }) => got.push(n));
    const say = (n) => call(own.url, 'POST', '/events', { event: 'rt_count', topic, data: { n } }, accessToken);
    hub.connect();
    await until(hub, () => hub.bookmark?.topics.length === 1);

    await say(0);
    await own.stop();
    await until(hub, () => hub.state === 'reconnecting');
    assert.equal(told[0]?.code, 1012);
    assert.equal(typeof told[0].retryAfterMs, 'number');
    await own.start();
    for (const n of [1, 2, 3]) await say(n);
    await until(hub, () => got.length === 4);
    await say(4);
    await own.kill();
    await until(hub, () => hub.state !== 'live');
    await own.start();
    await say(5);
    await until(hub, () => got.length === 6);

    assert.deepEqual([got, gaps], [count(6), []]);
  });

  test(`by ${way}: a connection on which nothing happens stays`, async (t) => {
    const own = await OwnHub.start(t, { CARILLON__SOCKET__HEARTBEAT: '1s' });
    const { accessToken } = await own.logIn();
    const hub = client(t, { ...means, url: own.url, token: () => accessToken });
    const changes = [];
    hub.connect();
    await until(hub, () => hub.state === 'live');
    hub.on('state', (change) => changes.push(change));
    await new Promise((resolve) => setTimeout(resolve, 8000));

    assert.deepEqual(changes, []);
  });
}

test('where WebSockets are blocked it listens by a stream, and goes back without losing an event', async (t) => {
  const topic = uniqueTopic();
  const cable = await Cable.lay(t);
  cable.blocksSockets = true;
  const hub = client(t, { WebSocket, url: cable.origin, topics: [topic], socketRetryDelay: 200 });
  const got = [];
  const gaps = [];
  const ways = [];
  hub.on('gap', (gap) => gaps.push(gap));
  hub.on('rt_count', ({ n }) => got.push(n));
  hub.on('state', ({ transport }) => transport && ways.push(transport));
  hub.connect();
  await until(hub, () => hub.bookmark?.topics.length === 1);
  assert.equal(hub.change.transport, 'sse');
  await assert.rejects(hub.command('MC-1', 'ring'), (error) => error instanceof RefusedError);

  for (let n = 0; n < 300 || hub.change.transport === 'sse'; n += 1) {
    if (n === 20) cable.blocksSockets = false;
    await publish(topic, n);
  }
  const last = 'last';
  await publish(topic, last);
  await until(hub, () => got.at(-1) === last);

  assert.deepEqual(got.slice(0, -1), count(got.length - 1));
  assert.deepEqual([gaps, ways], [[], ['sse', 'websocket']]);
});

test('a token that says how long it is good is renewed in place', async (t) => {
  let asked = 0;
  const token = () => {
    asked += 1;
    return { accessToken: login.accessToken, expiresIn: asked === 1 ? 0.2 : 3600 };
  };
  const problems = [];
  const hub = client(t, { WebSocket, token });
  hub.on('problem', (problem) => problems.push(problem));
  hub.connect();
  await until(hub, () => hub.state === 'live');
  for (let tries = 0; asked < 2 && tries < 500; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(asked, 2);
  await hub.subscribe([uniqueTopic()]);

  assert.deepEqual([problems, hub.state], [[], 'live']);
});

test('outside a page it must be told where the hub is', () => {
  assert.throws(() => new Carillon({ WebSocket }), /`url` is missing/);
  assert.throws(() => new Carillon({ url: HUB, WebSocket: null, transports: ['websocket'] }), /no `WebSocket`/);
});

for (const [way, means] of Object.entries(WAYS)) {
  test(`by ${way}: a long interruption is told complete when all of it has come, not before`, async (t) => {
    // What is older than the ring comes from the journal, page by page.
    const own = await OwnHub.start(t, { CARILLON__BROKER__RING: '16' });
    const { accessToken } = await own.logIn();
    const topic = uniqueTopic();
    const cable = await Cable.lay(t, own.url);
    const missed = 600;
    let told = null;
    const got = [];
    const hub = client(t, {
      ...means,
      url: cable.origin,
      token: () => accessToken,
      topics: [topic],
      onSyncComplete: (server, { replayed }) => {
        told = { recovered: server.recovered, replayed, handled: got.length };
      },
    });
    hub.on('rt_count', ({ n }) => got.push(n));
    hub.connect();
    await until(hub, () => hub.bookmark?.topics.length === 1);

    await cable.cut();
    for (let n = 0; n < missed; n += 1) {
      const event = { event: 'rt_count', topic, data: { n, filler: randomBytes(1000).toString('base64') } };
      await call(own.url, 'POST', '/events', event, accessToken);
    }
    await cable.mend();
    await until(hub, () => got.length === missed);
    for (let tries = 0; !told && tries < 500; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));

    assert.deepEqual(got, count(missed));
    assert.deepEqual(told, { recovered: true, replayed: missed, handled: missed });
  });
}
