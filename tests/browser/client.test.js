import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket, { WebSocketServer } from 'ws';
import { backOff } from '../../static/lib/carillon/back_off.js';
import { Carillon } from '../../static/lib/carillon.js';

// These tests say what the client does with answers that a healthy hub seldom gives; a scripted peer gives them.

const QUICK = { reconnectDelay: 1, maxReconnectDelay: 5, WebSocket };

async function peer(t, onFrame) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const hellos = [];
  server.on('connection', (socket) =>
    socket.on('message', (text) => {
      const frame = JSON.parse(text);
      const say = (answer) => socket.send(JSON.stringify(answer));
      if (frame.type === 'hello') hellos.push(frame);
      if (frame.type === 'ping') say({ type: 'pong' });
      onFrame({ frame, say, socket, visit: hellos.length });
    }),
  );
  return { url: `ws://127.0.0.1:${server.address().port}/ws`, hellos };
}

function client(t, url, options = {}) {
  const hub = new Carillon({ url, ...QUICK, ...options });
  t.after(() => hub.close());
  return hub;
}

const welcome = (more = {}) => ({
  type: 'welcome',
  sessionId: 's',
  user: {},
  recovered: false,
  cursor: 'c0',
  heartbeatMs: 30000,
  ...more,
});
const snapshot = (topic) => ({ type: 'snapshot', topic, data: {}, cursor: 'c0' });
const next = (hub, name, wanted = () => true) =>
  new Promise((resolve) => {
    const stop = hub.on(name, (data) => {
      if (!wanted(data)) return;
      stop();
      resolve(data);
    });
  });

test('the delay doubles up to its limit, with full jitter', () => {
  const settings = { reconnectDelay: 1000, maxReconnectDelay: 15000 };
  const longest = [0, 1, 2, 3, 4, 5, 60].map((attempt) => backOff(attempt, settings, () => 1));

  assert.deepEqual(longest, [1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  assert.equal(
    backOff(5, settings, () => 0),
    0,
  );
});

test('after a drop it resumes from the last event handled', async (t) => {
  const { url, hellos } = await peer(t, ({ frame, say, socket, visit }) => {
    if (frame.type !== 'hello') return;
    say(welcome({ recovered: visit > 1 }));
    if (visit === 1) say(snapshot('modules'));
    say({ type: 'event', event: 'rt_module_online', data: { moduleId: `M-${visit}` }, cursor: `c${visit}`, at: 'now' });
    if (visit === 1) setImmediate(() => socket.terminate());
  });
  const calls = [];
  const synchronised = new Promise((resolve) => {
    const hub = client(t, url, {
      topics: ['modules'],
      onDisconnect: () => calls.push('disconnect'),
      onReconnect: () => calls.push('reconnect'),
      onSyncComplete: (server, mine) => resolve({ server, mine }),
    });
    hub.connect();
  });
  const { server, mine } = await synchronised;

  assert.deepEqual(hellos, [
    { type: 'hello', topics: ['modules'] },
    { type: 'hello', cursor: 'c1', topics: ['modules'] },
  ]);
  assert.deepEqual(calls, ['disconnect', 'reconnect']);
  assert.equal(server.recovered, true);
  assert.deepEqual(mine, { topics: ['modules'], cursor: 'c2', replayed: 1 });
});

test('a welcome that came before the hello was heard does no harm', async (t) => {
  const { url } = await peer(t, ({ frame, say, socket, visit }) => {
    if (frame.type !== 'hello') return;
    if (visit > 1) say(welcome({ cursor: 'c9' }));
    say(welcome({ recovered: visit > 1, cursor: 'c1' }));
    if (visit === 1) say(snapshot('modules'));
    say({ type: 'event', event: 'rt_module_online', data: {}, cursor: `c${visit}`, at: 'now' });
    if (visit === 1) setImmediate(() => socket.terminate());
  });
  const onReconnect = t.mock.fn();
  const [server, mine] = await new Promise((resolve) => {
    client(t, url, { topics: ['modules'], onReconnect, onSyncComplete: (...sides) => resolve(sides) }).connect();
  });

  assert.equal(onReconnect.mock.callCount(), 1);
  assert.equal(server.recovered, true);
  assert.deepEqual(mine, { topics: ['modules'], cursor: 'c2', replayed: 1 });
});

test('without `syncOnReconnect` it starts afresh', async (t) => {
  const { url, hellos } = await peer(t, ({ frame, say, socket, visit }) => {
    if (frame.type !== 'hello') return;
    say(welcome());
    if (visit === 1) socket.close(1011);
  });
  const hub = client(t, url, { syncOnReconnect: false });
  hub.connect();
  await next(hub, 'welcome');
  await next(hub, 'welcome');

  assert.ok(hellos.every((hello) => !('cursor' in hello)));
});

test('a topic wanted while it was away is asked for with a snapshot', async (t) => {
  const asked = [];
  const { url, hellos } = await peer(t, ({ frame, say, socket, visit }) => {
    if (frame.type === 'hello') say(welcome({ recovered: visit > 1 }));
    if (frame.type === 'hello' && visit === 1) {
      say(snapshot('modules'));
      socket.close(1011);
    }
    if (frame.type === 'subscribe') asked.push(...frame.topics);
    if (frame.type === 'subscribe') say({ type: 'reply', id: frame.id, ok: true });
  });
  const hub = client(t, url, { topics: ['modules'] });
  hub.on('closed', () => hub.subscribe(['admin']));
  hub.connect();
  await next(hub, 'welcome');
  await next(hub, 'welcome');
  await hub.subscribe(['dashboard']);

  assert.deepEqual(hellos[1], { type: 'hello', cursor: 'c0', topics: ['modules'] });
  assert.deepEqual(asked, ['admin', 'dashboard']);
});

test('it does not come back where it is not allowed', async (t) => {
  const { url, hellos } = await peer(t, ({ frame, socket }) => frame.type === 'hello' && socket.close(4003));
  const hub = client(t, url);
  hub.connect();
  const { reason, code } = await next(hub, 'state', ({ state }) => state === 'ended');

  assert.deepEqual([reason, code], ['forbidden', 4003]);
  assert.equal(hellos.length, 1);
});

test('it waits as long as the hub says', async (t) => {
  const { url } = await peer(t, ({ frame, say, socket, visit }) => {
    if (frame.type !== 'hello') return;
    say(welcome());
    if (visit > 1) return;
    say({ type: 'bye', code: 4029, reason: 'too many', retryAfterMs: 1000 });
    socket.close(4029);
  });
  const hub = client(t, url);
  hub.connect();
  const { retryAt } = await next(hub, 'state', ({ state }) => state === 'reconnecting');

  assert.ok(retryAt - Date.now() > 100, 'the delay of the hub holds, not the one of 5 ms');
  await next(hub, 'state', ({ state }) => state === 'live');
});

test('it gives up after the attempts that the hub allows, and can be forced', async (t) => {
  let refuse = true;
  const { url } = await peer(t, ({ frame, say, socket, visit }) => {
    if (frame.type !== 'hello') return;
    if (visit > 1 && refuse) return socket.terminate();
    say(welcome({ reconnect: { maxReconnectAttempts: 3 } }));
    if (visit === 1) socket.close(1011);
  });
  const hub = client(t, url);
  hub.connect();
  const { attempt, maxAttempts } = await next(hub, 'state', ({ state }) => state === 'offline');
  assert.deepEqual([attempt, maxAttempts], [3, 3]);

  refuse = false;
  hub.reconnect();
  await next(hub, 'state', ({ state }) => state === 'live');
});

test('it tells how an interruption went only to a hub that wants figures', async (t) => {
  for (const enableStats of [true, false]) {
    const { url, hellos } = await peer(t, ({ frame, say, socket, visit }) => {
      if (frame.type !== 'hello') return;
      if (visit === 2) return socket.terminate();
      say(welcome({ reconnect: { enableStats } }));
      if (visit === 1) socket.close(1011);
    });
    const hub = client(t, url);
    hub.connect();
    await next(hub, 'welcome');
    await next(hub, 'welcome');

    assert.deepEqual(
      hellos.map(({ outage }) => outage?.attempts),
      enableStats ? [undefined, 1, 2] : [undefined, undefined, undefined],
    );
    assert.ok(!enableStats || hellos[2].outage.ms >= hellos[1].outage.ms);
  }
});

test('what was given explicitly is not overruled by the hub', async (t) => {
  const { url } = await peer(
    t,
    ({ frame, say }) =>
      frame.type === 'hello' && say(welcome({ reconnect: { maxReconnectAttempts: 3, enableStats: false } })),
  );
  const hub = client(t, url, { maxReconnectAttempts: 7 });
  hub.connect();
  const { maxAttempts } = await next(hub, 'state', ({ state }) => state === 'live');

  assert.equal(maxAttempts, 7);
});

test('a connection that falls silent is given up', async (t) => {
  const { url, hellos } = await silentPeer(t);
  const hub = client(t, url);
  hub.connect();
  await next(hub, 'state', ({ state }) => state === 'live');
  await next(hub, 'state', ({ state }) => state === 'reconnecting');

  assert.equal(hellos.length, 1);
});

async function silentPeer(t) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  const hellos = [];
  server.on('connection', (socket) =>
    socket.on('message', (text) => {
      const frame = JSON.parse(text);
      if (frame.type !== 'hello') return;
      hellos.push(frame);
      socket.send(JSON.stringify(welcome({ heartbeatMs: 200 })));
    }),
  );
  return { url: `ws://127.0.0.1:${server.address().port}/ws`, hellos };
}

test('a refused request rejects with the problem of the hub', async (t) => {
  const { url } = await peer(t, ({ frame, say }) => {
    if (frame.type === 'hello') say(welcome());
    if (frame.type === 'subscribe')
      say({ type: 'reply', id: frame.id, ok: false, problem: { status: 403, detail: 'no' } });
  });
  const hub = client(t, url);
  hub.connect();
  await next(hub, 'state', ({ state }) => state === 'live');

  await assert.rejects(hub.subscribe(['admin']), (error) => error.problem.status === 403);
});
