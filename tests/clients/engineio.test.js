// Engine.IO as it is on the wire: what its clients do, and what none of them should.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import { HUB, PATIENCE_MS, call, logIn, ownHub } from './support/hub.js';

const token = await logIn();
const SEPARATOR = '\x1e';
const at = (query, hub = HUB) => `${hub}/socket.io/?EIO=4&${query}`;
const polling = (sid, hub) => at(`transport=polling&sid=${sid}`, hub);

async function open(hub) {
  const answer = await fetch(at('transport=polling', hub));
  assert.equal(answer.status, 200);
  return JSON.parse((await answer.text()).slice(1));
}

/** What waits, but for where the client now stands. */
async function poll(sid, hub) {
  for (;;) {
    const answer = await fetch(polling(sid, hub));
    const text = (await answer.text()).replace(/\x1e?42\["synced","[^"]*"\]/g, '').replace(/^\x1e/, '');
    if (answer.status !== 200 || text !== '') return { status: answer.status, text };
  }
}

async function post(sid, body, hub) {
  const answer = await fetch(polling(sid, hub), { method: 'POST', body });
  return { status: answer.status, text: await answer.text() };
}

async function join(sid, hub, bearer = token) {
  assert.deepEqual(await post(sid, `40${JSON.stringify({ token: bearer })}`, hub), { status: 200, text: 'ok' });
  const { text } = await poll(sid, hub);
  assert.match(text, /^40\{"sid":"[^"]+","pid":"[^"]+"\}$|^40\{"pid":"[^"]+","sid":"[^"]+"\}$/);
}

async function refuses(answer, status, code) {
  assert.equal(answer.status, status);
  assert.equal(JSON.parse(answer.text).code, code);
}

/** A WebSocket whose messages are taken one by one. */
class Wire {
  #told = [];
  #wake = () => {};

  constructor(query, hub = HUB, options = {}) {
    this.socket = new WebSocket(at(query, hub).replace(/^http/, 'ws'), { allowSynchronousEvents: false, ...options });
    this.socket.on('message', (data, isBinary) => this.#push(isBinary ? data : data.toString()));
    this.socket.on('close', (code) => this.#push({ code }));
    this.socket.on('unexpected-response', async (_, answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      this.#push({ status: answer.statusCode, text });
    });
    this.socket.on('error', () => {});
  }

  #push(told) {
    if (/^42\["synced"/.test(told)) {
      this.offset = JSON.parse(told.slice(2)).at(-1);
      return;
    }
    this.#told.push(told);
    this.#wake();
  }

  async next() {
    const deadline = setTimeout(() => this.#push(new Error('nothing came')), PATIENCE_MS);
    while (this.#told.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    clearTimeout(deadline);
    const told = this.#told.shift();
    if (told instanceof Error) throw told;
    return told;
  }

  async opened() {
    await once(this.socket, 'open');
    return this;
  }

  async joined(bearer = token) {
    assert.match(await this.next(), /^0\{/);
    this.socket.send(`40${JSON.stringify({ token: bearer })}`);
    assert.match(await this.next(), /^40\{/);
    return this;
  }
}

const socket = () => new Wire('transport=websocket').joined();

test('a handshake tells the session, or why there is none', async () => {
  const { sid, ...told } = await open();
  assert.equal(typeof sid, 'string');
  assert.deepEqual(told, { upgrades: ['websocket'], pingInterval: 25000, pingTimeout: 20000, maxPayload: 65536 });
  const get = async (query, method = 'GET') => {
    const answer = await fetch(`${HUB}/socket.io/?${query}`, { method });
    return { status: answer.status, text: await answer.text() };
  };
  await refuses(await get('EIO=4'), 400, 0);
  await refuses(await get('EIO=4&transport=abc'), 400, 0);
  await refuses(await get('EIO=4&transport=polling&sid=nobody'), 400, 1);
  await refuses(await get('EIO=4&transport=polling', 'POST'), 400, 2);
  await refuses(await get('EIO=4&transport=polling', 'PUT'), 400, 2);
  await refuses(await get('EIO=4&transport=websocket'), 400, 3);
  await refuses(await get('transport=polling'), 400, 5);
  await refuses(await get('EIO=3&transport=polling'), 400, 5);

  assert.match(await new Wire('transport=websocket').next(), /^0\{.*"upgrades":\[\]/);
  await refuses(await new Wire('transport=abc').next(), 400, 0);
  await refuses(await new Wire('transport=polling').next(), 400, 3);
  await refuses(await new Wire('transport=websocket&sid=nobody').next(), 400, 1);
});

test('polls that double, cross or come after the end break nothing', async () => {
  const { sid } = await open();
  await join(sid);
  const both = await Promise.all([poll(sid), poll(sid)]);
  const [told, refused] = both.sort((one, other) => one.status - other.status);
  assert.deepEqual(told, { status: 200, text: '1' }, 'the poll that waits is told of the end');
  await refuses(refused, 400, 3);
  await refuses(await poll(sid), 400, 1);
  await refuses(await post(sid, '3'), 400, 1);

  const other = await open();
  await join(other.sid);
  const [crossed] = await Promise.all([poll(other.sid), post(other.sid, '1')]);
  assert.deepEqual(crossed, { status: 200, text: '6' });
  await refuses(await poll(other.sid), 400, 1);

  const many = await open();
  await join(many.sid);
  const answers = await Promise.all(Array.from({ length: 20 }, () => post(many.sid, '42["dance",{}]')));
  assert.ok(answers.every(({ status }) => [200, 400].includes(status)));
});

test('payloads that break the protocol end the session', async () => {
  const ended = async (body, status, code) => {
    const { sid } = await open();
    await join(sid);
    const answer = await post(sid, body);
    assert.equal(answer.status, status, body.slice(0, 40));
    if (code !== undefined) assert.equal(JSON.parse(answer.text).code, code);
    const last = await poll(sid);
    assert.ok(last.status === 400 || last.text === '1', `${body.slice(0, 40)}: ${last.text}`);
  };
  await ended('abc', 400, 3);
  await ended('', 400, 3);
  await ended('b!', 400, 3);
  await ended('2probe', 400, 3);
  await ended('5', 400, 3);
  await ended(Buffer.from([0x34, 0xff]), 400, 3);
  await ended('4'.repeat(70000), 413);
  await ended('bAQIDBA==', 200);
  await ended('4abc', 200);
  await ended('42{}', 200);
  await ended('42["a"', 200);
  await ended('42abc["a"]', 200);
  await ended('40{}', 200);
  await ended('42/other,["a"]', 200);
  await ended('451-["a"]' + SEPARATOR + '42["a"]', 200);
  await ended('4511-["a"]', 200);
  await ended('451-["a",{"_placeholder":true,"num":5}]', 200);
});

test('a WebSocket that breaks the protocol is closed', async () => {
  for (const bad of ['abc', '', '0', '6', '4abc', '42{}', Buffer.from([1, 2, 3]), '4511-["a"]', 'x'.repeat(70000)]) {
    const wire = await socket();
    wire.socket.send(bad);
    assert.equal(typeof (await wire.next()).code, 'number', `${bad.slice(0, 20)}`);
  }
  const wire = await socket();
  wire.socket.send('1');
  assert.equal((await wire.next()).code, 1000);
});

test('what is deep, large or asked twice is answered and costs nobody the connection', async () => {
  const wire = await socket();
  const ask = async (text, ...attachments) => {
    wire.socket.send(text);
    for (const bytes of attachments) wire.socket.send(bytes);
    let answer = await wire.next();
    while (/^42\["snapshot"/.test(answer)) answer = await wire.next();
    assert.match(answer, /^43\d+\[/);
    return JSON.parse(answer.replace(/^43\d+/, ''))[0];
  };
  const deep = `${'['.repeat(20000)}${']'.repeat(20000)}`;
  assert.equal((await ask(`421["subscribe",${deep}]`)).problem.status, 422);
  assert.equal((await ask(`421["subscribe",{"topics":[],"deep":${deep}}]`)).ok, false);
  const many = Array.from({ length: 3000 }, (_, n) => `custom:${n}`);
  assert.equal((await ask(`421["subscribe",${JSON.stringify({ topics: many })}]`)).problem.type, '/problems/too-many-topics');
  let [had, refused] = [0, 0];
  for (let from = 0; from < 10000; from += 100) {
    const topics = Array.from({ length: 100 }, (_, n) => `custom:more-${from + n}`);
    const answer = await ask(`421["subscribe",${JSON.stringify({ topics })}]`);
    if (answer.ok) had += 1;
    else refused += 1;
  }
  assert.deepEqual([had, refused], [2, 98], 'at most 256 topics, and the same number for every answer');
  const placeholder = '{"_placeholder":true,"num":0}';
  assert.equal((await ask(`451-9["subscribe",${placeholder}]`, Buffer.from([1, 2]))).problem.status, 422);
  wire.socket.send('437["an answer that nobody asked for"]');
  assert.equal((await ask('428["connect",{}]')).problem.type, '/problems/reserved-event');
  assert.equal((await ask('428["unsubscribe",{"topics":["custom:more-1"]}]')).ok, true);
  wire.socket.terminate();
});

test('a session goes over to a WebSocket of any thread, and nothing is lost or reordered', async () => {
  for (let round = 0; round < 8; round += 1) {
    const topic = `custom:upgrade-${round}-${Date.now()}`;
    const { sid } = await open();
    await join(sid);
    const subscribed = await post(sid, `42["subscribe",{"topics":["${topic}"]}]`);
    assert.equal(subscribed.status, 200);
    const count = (n) => call(token, 'POST', '/events', { event: 'rt_count', topic, data: { n } });
    assert.match((await poll(sid)).text, /"snapshot"/);
    const waiting = poll(sid);
    const wire = await new Wire(`transport=websocket&sid=${sid}`).opened();
    wire.socket.send('2probe');
    assert.equal(await wire.next(), '3probe');
    assert.deepEqual(await waiting, { status: 200, text: '6' });
    await count(1);
    const between = await poll(sid);
    assert.match(between.text, /^42\["rt_count",\{"n":1\}/);
    assert.equal((await poll(sid)).text, '6', 'while a WebSocket tries to take over, polls do not wait');
    await count(2);
    await count(3);
    wire.socket.send('5');
    const second = await new Wire(`transport=websocket&sid=${sid}`).next();
    assert.equal(typeof second.code, 'number', 'there is no second WebSocket');
    await count(4);
    for (const n of [2, 3, 4]) assert.match(await wire.next(), new RegExp(`^42\\["rt_count",\\{"n":${n}\\}`));
    await refuses(await poll(sid), 400, 3);
    await refuses(await post(sid, '42["dance",{}]'), 400, 3);
    wire.socket.send('421["dance",{}]');
    assert.match(await wire.next(), /^431\[/);
    wire.socket.terminate();
  }
});

test('a WebSocket that does not take over leaves the session as it was', async () => {
  const { sid } = await open();
  await join(sid);
  const wire = await new Wire(`transport=websocket&sid=${sid}`).opened();
  wire.socket.send('2probe');
  assert.equal(await wire.next(), '3probe');
  wire.socket.send('4nonsense');
  await wire.next();
  assert.equal((await post(sid, '421["dance",{}]')).status, 200);
  assert.match((await poll(sid)).text, /^431\[/);
  const again = await new Wire(`transport=websocket&sid=${sid}`).opened();
  again.socket.send('2probe');
  assert.equal(await again.next(), '3probe');
  again.socket.send('5');
  again.socket.send('422["dance",{}]');
  assert.match(await again.next(), /^432\[/);
  again.socket.terminate();
});

test('the state of a client is its own', async () => {
  const topic = `custom:own-${Date.now()}`;
  const wire = new Wire('transport=websocket');
  await wire.next();
  wire.socket.send(`40${JSON.stringify({ token, topics: [topic] })}`);
  const { pid } = JSON.parse((await wire.next()).slice(2));
  assert.match(await wire.next(), /^42\["snapshot"/);
  wire.socket.send('421["dance",{}]');
  await wire.next();
  const { offset } = wire;
  const other = await logIn();
  const come = async (bearer, state) => {
    const back = new Wire('transport=websocket');
    await back.next();
    back.socket.send(`40${JSON.stringify({ token: bearer, ...state })}`);
    const told = JSON.parse((await back.next()).slice(2));
    return { back, pid: told.pid };
  };
  const stranger = await come(other, { pid, offset });
  assert.notEqual(stranger.pid, pid, 'another login gets nothing of it');
  const forged = await come(token, { pid: 'forged', offset });
  assert.notEqual(forged.pid, 'forged');
  const lost = await come(token, { pid: forged.pid, offset: 'nonsense' });
  assert.notEqual(lost.pid, forged.pid, 'an offset that nobody can read');

  await call(token, 'POST', '/events', { event: 'rt_count', topic, data: { n: 1 } });
  const own = await come(token, { pid, offset });
  assert.equal(own.pid, pid);
  assert.match(await own.back.next(), /^42\["rt_count",\{"n":1\}/);
  let told = await wire.next();
  while (typeof told === 'string') told = await wire.next();
  assert.equal(typeof told.code, 'number', 'the connection that it had before ends');
  for (const { back } of [stranger, forged, lost, own]) back.socket.terminate();
});

test('a quiet client is asked whether it is there, and its silence ends the session', async (t) => {
  const hub = await ownHub(t, {
    CARILLON__SOCKET__HEARTBEAT: '300ms',
    CARILLON__SOCKET__HEARTBEAT_TIMEOUT: '400ms',
    CARILLON__SOCKET__HANDSHAKE_TIMEOUT: '2s',
    CARILLON__HTTP__ALLOWED_ORIGINS: '["https://panel.example"]',
  });
  const bearer = await logIn(hub);

  const { sid } = await open(hub);
  await join(sid, hub, bearer);
  for (let n = 0; n < 3; n += 1) {
    assert.equal((await poll(sid, hub)).text, '2');
    assert.equal((await post(sid, '3', hub)).text, 'ok');
  }
  assert.equal((await poll(sid, hub)).text, '2');
  assert.equal((await poll(sid, hub)).text, '1');
  await refuses(await poll(sid, hub), 400, 1);

  const wire = await new Wire('transport=websocket', hub).joined(bearer);
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await wire.next(), '2');
    wire.socket.send('3');
  }
  assert.equal(await wire.next(), '2');
  assert.equal(typeof (await wire.next()).code, 'number');

  // Who does not say who they are is not kept either, however alive.
  const idle = new Wire('transport=websocket', hub);
  assert.match(await idle.next(), /^0\{/);
  let told = await idle.next();
  while (told === '2') {
    idle.socket.send('3');
    told = await idle.next();
  }
  assert.equal(typeof told.code, 'number');

  const origin = 'https://panel.example';
  const asked = await fetch(at('transport=polling', hub), {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
  });
  assert.equal(asked.headers.get('access-control-allow-origin'), origin);
  assert.equal(asked.headers.get('access-control-allow-credentials'), 'true');
  const allowed = await fetch(at('transport=polling', hub), { headers: { origin } });
  assert.equal(allowed.headers.get('access-control-allow-origin'), origin);
  const foreign = await fetch(at('transport=polling', hub), { headers: { origin: 'https://evil.example' } });
  assert.equal(foreign.headers.get('access-control-allow-origin'), null);
});

test('those who have not said who they are are bounded', async (t) => {
  const hub = await ownHub(t, {
    CARILLON__SOCKET__ACCEPT_RATE: '1000000',
    CARILLON__SOCKET__ACCEPT_BURST: '100000',
    CARILLON__SOCKET__HANDSHAKE_TIMEOUT: '5m',
  });
  let opened = 0;
  let answer = { status: 200 };
  while (answer.status === 200 && opened < 3000) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(at('transport=polling', hub))));
    await Promise.all(answers.map((one) => one.text()));
    opened += answers.filter(({ status }) => status === 200).length;
    answer = answers.find(({ status }) => status !== 200) ?? answer;
  }
  assert.equal(answer.status, 503);
  assert.ok(opened >= 500 && opened <= 550, `${opened} of one address`);
  assert.ok(answer.headers.get('retry-after'));
  const page = await fetch(`${hub}/health/ready`);
  assert.equal(page.status, 200, 'and nobody else is kept out');
});
