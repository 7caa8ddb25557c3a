// Socket.IO, spoken by its own unmodified client.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { io } from 'socket.io-client';
import WebSocket from 'ws';
import { HUB, PATIENCE_MS, call, logIn } from './support/hub.js';

const WAYS = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };
const token = await logIn();

function open(transports, options = {}) {
  const quick = { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
  return io(HUB, { transports, auth: { token }, ...quick, ...options });
}

/** The arguments of the next event of this name. */
function next(emitter, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} came`)), PATIENCE_MS);
    emitter.once(name, (...values) => (clearTimeout(timer), resolve(values)));
  });
}

const ack = (socket, name, data) => socket.timeout(PATIENCE_MS).emitWithAck(name, data);
const newTopic = () => `custom:${randomBytes(4).toString('hex')}`;
const count = (topic, n) => call(token, 'POST', '/events', { event: 'rt_count', topic, data: { n } });
const upTo = (wanted) => Array.from({ length: wanted }, (_, n) => n);

/** Gathers the numbers of a client; `reached` resolves when it has so many. */
function gather(socket) {
  const got = [];
  let wake = () => {};
  socket.on('rt_count', ({ n }) => {
    got.push(n);
    wake();
  });
  const reached = (wanted) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`only ${got.length} of ${wanted} came`)), PATIENCE_MS);
      wake = () => {
        if (got.length < wanted) return;
        clearTimeout(timer);
        resolve();
      };
      wake();
    });
  return { got, reached };
}

for (const [name, transports] of Object.entries(WAYS)) {
  test(`a page hears of modules by ${name}`, async () => {
    const socket = open(transports);
    await next(socket, 'connect');
    assert.equal(socket.recovered, false);
    const snapshot = next(socket, 'snapshot');
    const answer = await ack(socket, 'register_page', { page: 'modules' });
    assert.deepEqual(answer, { ok: true, data: { topics: ['modules'] } });
    const [{ topic, data }] = await snapshot;
    assert.equal(topic, 'modules');
    assert.ok(Array.isArray(data.modules));
    if (name === 'upgrade' && socket.io.engine.transport.name !== 'websocket') {
      await next(socket.io.engine, 'upgrade');
    }

    const added = next(socket, 'rt_module_added');
    const removed = next(socket, 'rt_module_removed');
    const moduleId = `MC-${randomBytes(4).toString('hex')}`;
    await call(token, 'POST', '/modules', { moduleId, name: 'Gate', type: 'Station' });
    assert.equal((await added)[0].moduleId, moduleId);
    await call(token, 'DELETE', `/modules/${moduleId}`);
    assert.equal((await removed)[0].moduleId, moduleId);

    assert.equal((await ack(socket, 'unsubscribe', { topics: ['modules'] })).ok, true);
    socket.close();
  });

  test(`a module is commanded, and its answer comes into the callback by ${name}`, async () => {
    const moduleId = `MC-${randomBytes(4).toString('hex')}`;
    const made = await call(token, 'POST', '/modules', { moduleId, name: 'Gate', type: 'Station' });
    const headers = { authorization: `Bearer ${made.token}` };
    const device = new WebSocket(`${HUB.replace('http', 'ws')}/ws/module`, { headers });
    device.on('message', (text) => {
      const { type, commandId, params } = JSON.parse(text);
      if (type === 'command') device.send(JSON.stringify({ type: 'result', commandId, ok: true, result: params }));
    });
    await next(device, 'message');

    const socket = open(transports);
    await next(socket, 'connect');
    const answer = await ack(socket, 'module_command', { moduleId, command: 'turn', params: { by: 90 } });
    assert.deepEqual([answer.ok, answer.data.ok, answer.data.result], [true, true, { by: 90 }]);

    socket.close();
    device.close();
    await call(token, 'DELETE', `/modules/${moduleId}`);
  });

  test(`what a client may not do is refused in the answer by ${name}`, async () => {
    const socket = open(transports);
    await next(socket, 'connect');
    const kind = async (event, data) => (await ack(socket, event, data)).problem.type;
    assert.equal(await kind('module_command', { moduleId: 'M', command: 'open' }), '/problems/not-found');
    assert.equal(await kind('dance', {}), '/problems/unknown-event');
    assert.equal(await kind('subscribe', { topics: ['nothing'] }), '/problems/invalid-fields');
    assert.equal(await kind('subscribe', Buffer.from([1, 2, 3])), '/problems/invalid-fields');
    const bytes = Buffer.from([1]);
    assert.equal(await kind('subscribe', { topics: ['modules'], more: { bytes } }), '/problems/invalid-fields');
    const many = upTo(300).map((n) => `custom:${n}`);
    assert.equal(await kind('subscribe', { topics: many }), '/problems/too-many-topics');
    const problem = next(socket, 'problem');
    socket.emit('dance', {});
    assert.equal((await problem)[0].status, 422);
    assert.equal((await ack(socket, 'subscribe', { topics: ['dashboard'] })).ok, true, 'and the connection lives');
    socket.close();
  });

  test(`a client that is cut again and again by ${name} gets every event once and in order`, async () => {
    const topic = newTopic();
    const socket = open(transports);
    const { got, reached } = gather(socket);
    const recoveries = [];
    socket.on('gap', () => assert.fail('nothing may be missing'));
    socket.on('connect', () => recoveries.push(socket.recovered));
    await next(socket, 'connect');
    const id = socket.id;
    assert.equal((await ack(socket, 'subscribe', { topics: [topic] })).ok, true);
    const wanted = 120;
    const sending = (async () => {
      for (let n = 0; n < wanted; n += 1) await count(topic, n);
    })();
    for (let cut = 1; cut <= 5; cut += 1) {
      await reached(cut * 20);
      const connected = next(socket, 'connect');
      socket.io.engine.close();
      await connected;
      assert.equal(socket.id, id);
    }
    await sending;
    await reached(wanted);
    assert.deepEqual(got, upTo(wanted));
    assert.deepEqual(recoveries, [false, true, true, true, true, true]);
    socket.close();
  });
}

test('nothing is lost or reordered while a connection goes over to a WebSocket', async () => {
  const topic = newTopic();
  for (let round = 0; round < 5; round += 1) {
    const socket = open(WAYS.upgrade);
    const { got, reached } = gather(socket);
    await next(socket, 'connect');
    const upgraded = socket.io.engine.transport.name === 'websocket' || next(socket.io.engine, 'upgrade');
    await ack(socket, 'subscribe', { topics: [topic] });
    const wanted = 40;
    for (let n = 0; n < wanted; n += 1) await count(topic, n);
    await upgraded;
    await count(topic, wanted);
    await reached(wanted + 1);
    assert.deepEqual(got, upTo(wanted + 1));
    socket.close();
  }
});

test('what comes back comes at the pace that was asked for', async () => {
  const moduleId = `MC-${randomBytes(4).toString('hex')}`;
  const made = await call(token, 'POST', '/modules', { moduleId, name: 'Gate', type: 'Station' });
  const topic = `module:${moduleId}`;
  const socket = open(WAYS.websocket);
  await next(socket, 'connect');
  const synced = new Promise((resolve) => socket.once('snapshot', () => socket.once('synced', resolve)));
  assert.equal((await ack(socket, 'subscribe', { topics: [topic], maxRate: 0.05 })).ok, true);
  await synced;
  const connected = next(socket, 'connect');
  socket.io.engine.close();
  await connected;
  assert.equal(socket.recovered, true);
  const speeds = [];
  socket.on('rt_telemetry_updated', ({ telemetry }) => speeds.push(telemetry.speed));
  for (let speed = 1; speed <= 20; speed += 1) {
    await call(made.token, 'POST', `/modules/${moduleId}/telemetry`, { telemetry: { speed } });
  }
  const renamed = next(socket, 'rt_module_updated');
  await call(token, 'PATCH', `/modules/${moduleId}`, { name: 'South gate' });
  await renamed;
  assert.ok(speeds.length <= 3, `${speeds}`);
  assert.equal(speeds.at(-1), 20, 'the newest came along');
  socket.close();
  await call(token, 'DELETE', `/modules/${moduleId}`);
});

test('who is not known is told why, and other namespaces are not there', async () => {
  for (const transports of Object.values(WAYS)) {
    const nobody = open(transports, { auth: {} });
    const [error] = await next(nobody, 'connect_error');
    assert.equal(error.data.type, '/problems/not-authenticated');
    nobody.close();

    const liar = open(transports, { auth: { token: 'nonsense' } });
    assert.equal((await next(liar, 'connect_error'))[0].data.status, 401);
    liar.close();
  }
  const elsewhere = io(`${HUB}/elsewhere`, { auth: { token }, forceNew: true });
  assert.equal((await next(elsewhere, 'connect_error'))[0].message, 'Invalid namespace');
  elsewhere.close();
});

test('a client that wants no recovery gets events without cursors', async () => {
  const topic = newTopic();
  const socket = open(WAYS.websocket, { auth: { token, recovery: false, topics: [topic] } });
  const snapshot = next(socket, 'snapshot');
  await next(socket, 'connect');
  assert.equal((await snapshot).length, 1);
  const event = next(socket, 'rt_count');
  await count(topic, 1);
  assert.deepEqual(await event, [{ n: 1 }]);
  socket.close();
});

test('a goodbye is an event, and the end of a login ends the socket for good', async () => {
  const own = await logIn();
  const sockets = Object.values(WAYS).map((transports) => open(transports, { auth: { token: own } }));
  await Promise.all(sockets.map((socket) => next(socket, 'connect')));
  const goodbyes = sockets.map((socket) => next(socket, 'bye'));
  const ends = sockets.map((socket) => next(socket, 'disconnect'));
  await call(own, 'POST', '/auth/logout');
  for (const goodbye of goodbyes) assert.equal((await goodbye)[0].code, 4001);
  for (const end of ends) assert.equal((await end)[0], 'io server disconnect');
  sockets.forEach((socket) => socket.close());
});
