// What the client library keeps on every way, and while it changes ways: rates, its place, the order of events.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { Carillon } from '../../static/lib/carillon.js';
import { Cable } from './support/cable.js';
import { call } from './support/own_hub.js';

const HUB = process.env.CARILLON_URL.replace(/\/$/, '');
const PATIENCE_MS = 45000;
const WAYS = { websocket: { WebSocket }, sse: { WebSocket: null } };
const QUICK = { reconnectDelay: 5, maxReconnectDelay: 40, maxReconnectAttempts: 1000 };
/** A rate so low that no test sees its interval end. */
const NEVER = 0.001;
let login;

before(async () => {
  const { CARILLON_EMAIL: email, CARILLON_PASSWORD: password } = process.env;
  login = await call(HUB, 'POST', '/auth/login', { email, password });
});

const ask = (method, path, body, token = login.accessToken) => call(HUB, method, path, body, token);
const unique = (kind) => `${kind}:${randomBytes(4).toString('hex')}`;
const publish = (topic, n) => ask('POST', '/events', { event: 'rt_count', topic, data: { n } });

function client(t, options) {
  const hub = new Carillon({ url: HUB, token: () => login, ...QUICK, ...options });
  t.after(() => hub.close());
  return hub;
}

/** Resolves when the condition holds. */
async function until(isSo) {
  const limit = Date.now() + PATIENCE_MS;
  while (!isSo()) {
    assert.ok(Date.now() < limit, `it did not become so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A new module; answers its topic and what reports a speed. */
async function module(t) {
  const topic = unique('module');
  const moduleId = topic.split(':')[1];
  const { token } = await ask('POST', '/modules', { moduleId, name: moduleId, type: 'Station' });
  t.after(() => ask('DELETE', `/modules/${moduleId}`));
  return { topic, report: (speed) => ask('POST', `/modules/${moduleId}/telemetry`, { telemetry: { speed } }, token) };
}

/** Everything that comes, as short texts. */
function listen(hub) {
  const told = [];
  hub.on('rt_count', ({ n }) => told.push(`${n}`));
  hub.on('rt_telemetry_updated', ({ telemetry }) => told.push(`speed ${telemetry.speed}`));
  hub.on('snapshot', ({ topic }) => told.push(`snapshot ${topic}`));
  hub.on('gap', () => told.push('gap'));
  return told;
}

for (const [way, means] of Object.entries(WAYS)) {
  test(`by ${way}: a rate holds from the start, after a drop, and for what was asked for meanwhile`, async (t) => {
    const [first, second, marks] = [await module(t), await module(t), unique('custom')];
    const cable = await Cable.lay(t);
    const hub = client(t, { ...means, url: cable.origin, topics: [marks] });
    const told = listen(hub);
    await hub.subscribe([first.topic], { maxRate: NEVER });
    hub.connect();
    await until(() => hub.bookmark?.topics.length === 2);

    const since = async (act) => {
      const from = told.length;
      await act();
      const mark = randomBytes(2).toString('hex');
      await publish(marks, mark);
      await until(() => told.at(-1) === mark);
      return told.slice(from, -1);
    };
    const three = async ({ report }, from) => {
      for (let speed = from; speed < from + 3; speed += 1) await report(speed);
    };
    assert.deepEqual(await since(() => three(first, 0)), ['speed 0', 'speed 2'], 'the newest comes along with a mark');

    await cable.cut();
    await until(() => hub.state !== 'live');
    await hub.subscribe([second.topic], { maxRate: NEVER });
    await cable.mend();
    await until(() => hub.state === 'live' && hub.bookmark.topics.length === 3);
    assert.deepEqual(await since(() => three(first, 10)), ['speed 10', 'speed 12']);
    await hub.reconnect();
    await until(() => hub.state === 'live');
    assert.deepEqual(await since(() => three(second, 20)), ['speed 20', 'speed 22']);

    await hub.subscribe([first.topic]);
    await until(() => hub.state === 'live');
    assert.deepEqual(
      (await since(() => three(first, 30))).filter((text) => text.startsWith('speed')),
      ['speed 30', 'speed 31', 'speed 32'],
      'the other one waits, and has nothing new',
    );
    assert.ok(!told.includes('gap'));
  });

  test(`by ${way}: a new topic begins with a snapshot, and the others go on`, async (t) => {
    const [old, added] = [unique('custom'), unique('custom')];
    const cable = await Cable.lay(t);
    const hub = client(t, { ...means, url: cable.origin, topics: [old] });
    const told = listen(hub);
    hub.connect();
    await until(() => told.length === 1);
    await cable.cut();
    for (const n of [1, 2, 3]) await publish(old, n);
    await publish(added, 'of before');
    await until(() => hub.state !== 'live');
    await hub.subscribe([added]);
    await cable.mend();
    await until(() => told.length === 5);
    await publish(added, 4);
    await until(() => told.at(-1) === '4');

    assert.deepEqual(told.slice().sort(), [`snapshot ${old}`, `snapshot ${added}`, '1', '2', '3', '4'].sort());
    assert.deepEqual(
      told.filter((text) => /^\d$/.test(text)),
      ['1', '2', '3', '4'],
    );
  });

  test(`by ${way}: a module that is not there is given up, wherever it is asked for`, async (t) => {
    const topic = unique('custom');
    const hub = client(t, { ...means, topics: ['module:nobody', topic] });
    const problems = [];
    hub.on('problem', ({ status }) => problems.push(status));
    const told = listen(hub);
    hub.connect();
    await until(() => told.length === 1 && problems.length === 1);
    assert.deepEqual([hub.topics, problems], [[topic], [404]]);

    await assert.rejects(hub.subscribe(['module:nobody-else']), ({ problem }) => problem.status === 404);
    await publish(topic, 1);
    await until(() => told.at(-1) === '1');

    assert.deepEqual([hub.topics, problems], [[topic], [404]]);
  });

  test(`by ${way}: a module that is removed is given up, and begins anew when it is asked for again`, async (t) => {
    const { topic } = await module(t);
    const moduleId = topic.split(':')[1];
    const other = unique('custom');
    const hub = client(t, { ...means, topics: [topic, other] });
    const withdrawn = [];
    hub.on('problem', (problem) => withdrawn.push(problem.topic));
    const told = listen(hub);
    hub.connect();
    await until(() => told.length === 2);
    await ask('DELETE', `/modules/${moduleId}`);
    await until(() => withdrawn.length === 1);
    assert.deepEqual([withdrawn, hub.topics, hub.bookmark.topics], [[topic], [other], [other]]);

    await ask('POST', '/modules', { moduleId, name: 'Another', type: 'Station' });
    await hub.reconnect();
    await until(() => hub.state === 'live');
    await hub.subscribe([topic]);
    await until(() => told.length === 3);
    assert.equal(told.at(-1), `snapshot ${topic}`);
  });

  test(`by ${way}: what throws is reported, stops nothing, and counts as handled`, async (t) => {
    const reported = t.mock.method(console, 'error', () => {});
    const topic = unique('custom');
    const cable = await Cable.lay(t);
    const fail = () => {
      throw new Error('a fault of the page');
    };
    const faults = { onReconnect: fail, onDisconnect: fail, onSyncComplete: fail, onHandshakeFailed: fail };
    const hub = client(t, { ...means, ...faults, url: cable.origin, topics: [topic] });
    const bookmarks = [];
    hub.on('rt_count', () => bookmarks.push(hub.bookmark.cursor));
    hub.on('rt_count', fail);
    const told = listen(hub);
    hub.connect();
    await until(() => told.length === 1);
    await publish(topic, 1);
    await until(() => told.length === 2);
    await cable.cut();
    await publish(topic, 2);
    await cable.mend();
    await until(() => told.length === 3);
    await publish(topic, 3);
    await until(() => told.length === 4);

    assert.deepEqual(told, [`snapshot ${topic}`, '1', '2', '3']);
    assert.equal(new Set(bookmarks).size, 3, 'each includes the event in hand');
    assert.ok(reported.mock.callCount() >= 6);
  });
}

test('going back to a WebSocket, nothing is handed on before the hub has answered there', async (t) => {
  const topic = unique('custom');
  const person = await ask('GET', '/auth/me');
  const name = randomBytes(4).toString('hex');
  t.after(() => ask('PATCH', '/auth/me', { name: person.name }));
  const cable = await Cable.lay(t);
  cable.blocksSockets = true;
  const renamed = [];
  // Holds the answer back on which the client moves over, until its own event has come by both ways.
  class Between extends WebSocket {
    #handler = null;

    set onmessage(handler) {
      const waiting = [];
      this.#handler = handler;
      super.onmessage = ({ data }) => this.#take(JSON.parse(data), data, waiting);
    }

    get onmessage() {
      return this.#handler;
    }

    async #take(frame, data, waiting) {
      if (frame.type === 'pong' && waiting.length === 0) {
        waiting.push(data);
        await ask('PATCH', '/auth/me', { name });
      } else if (frame.event === 'rt_user_profile_updated' && waiting.length === 1) {
        await until(() => renamed.length === 1);
        for (const held of [...waiting, data]) this.#handler({ data: held });
        waiting.push(data);
      } else this.#handler({ data });
    }
  }
  const hub = client(t, { WebSocket: Between, url: cable.origin, topics: [topic], socketRetryDelay: 50 });
  const told = listen(hub);
  hub.on('rt_user_profile_updated', (data) => data.name === name && renamed.push(hub.change.transport));
  hub.connect();
  await until(() => hub.change.transport === 'sse' && told.length === 1);
  cable.blocksSockets = false;
  await until(() => hub.change.transport === 'websocket' && told.at(-1) === `snapshot ${topic}` && told.length === 3);
  await publish(topic, 1);
  await until(() => told.at(-1) === '1');

  assert.deepEqual(renamed, ['sse']);
  assert.deepEqual(told, [`snapshot ${topic}`, 'gap', `snapshot ${topic}`, '1']);
});

test('a topic given up while the hub was asked for it, or wanted at another rate since, is not brought back', async (t) => {
  const asked = [];
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  await new Promise((resolve) => server.on('listening', resolve));
  let refuse;
  const refused = new Promise((resolve) => (refuse = resolve));
  server.on('connection', (socket) =>
    socket.on('message', async (text) => {
      const { type, id, topics, maxRate } = JSON.parse(text);
      const say = (frame) => socket.send(JSON.stringify(frame));
      if (type === 'hello') return say({ type: 'welcome', recovered: false, cursor: 'c', sessionId: 's' });
      if (type !== 'subscribe') return say({ type: 'reply', id, ok: true, data: {} });
      asked.push([topics.join(), maxRate ?? null]);
      if (topics.length === 1) return say({ type: 'reply', id, ok: true, data: { topics } });
      await refused;
      return say({ type: 'reply', id, ok: false, problem: { status: 404 } });
    }),
  );
  const url = `http://127.0.0.1:${server.address().port}`;
  const hub = client(t, { WebSocket, url, bookmark: { cursor: 'c', topics: [] }, topics: ['a', 'b', 'c'] });
  hub.connect();
  await until(() => asked.length === 1);
  await Promise.all([hub.unsubscribe(['b']), hub.subscribe(['c'], { maxRate: 2 })]);
  refuse();
  await until(() => asked.length === 4);

  assert.deepEqual(asked, [
    ['a,b,c', null],
    ['c', 2],
    ['a', null],
    ['c', 2],
  ]);
  assert.deepEqual(hub.topics, ['a', 'c']);
});

test('whom the hub does not understand three times in a row gives up', async (t) => {
  const codes = [1002, 1009, 1003];
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  await new Promise((resolve) => server.on('listening', resolve));
  server.on('connection', (socket) => socket.on('message', () => socket.close(codes.shift())));
  const hub = client(t, { WebSocket, url: `http://127.0.0.1:${server.address().port}`, transports: ['websocket'] });
  hub.connect();
  await until(() => hub.state === 'ended');

  assert.deepEqual([hub.change.reason, codes], ['protocol', []]);
});
