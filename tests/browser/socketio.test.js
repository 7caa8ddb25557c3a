import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { openTab } from './support/browser.js';
import { HUB, call, newModule, uniqueId } from './support/hub.js';

const LIBRARY = '/socketio-from-npm.js';
const source = readFile(new URL('./node_modules/socket.io-client/dist/socket.io.min.js', import.meta.url));

/** A tab of the hub with the unmodified client from npm in it. */
async function openPage(t) {
  const page = await openTab(t, '/health/live');
  const body = await source;
  await page.route(`**${LIBRARY}`, (route) => route.fulfill({ contentType: 'text/javascript', body }));
  await page.addScriptTag({ url: HUB + LIBRARY });
  return page;
}

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
  test(`a page logged in by its cookie hears of modules by ${transports}`, async (t) => {
    const page = await openPage(t);
    const answer = await page.evaluate(async (transports) => {
      globalThis.told = [];
      globalThis.socket = io({ transports, forceNew: true, reconnectionDelay: 50 });
      socket.onAny((name, data) => told.push([name, data]));
      await new Promise((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('connect_error', reject);
      });
      return socket.emitWithAck('register_page', { page: 'modules' });
    }, transports);
    assert.deepEqual(answer, { ok: true, data: { topics: ['modules'] } });

    const moduleId = uniqueId();
    await newModule(t, { moduleId });
    const hears = (name) =>
      page.waitForFunction(
        ([name, moduleId]) => told.some(([heard, data]) => heard === name && data.moduleId === moduleId),
        [name, moduleId],
      );
    await hears('rt_module_added');

    // Cut, and changed meanwhile: the page hears of it when it is back, and is not told anything twice.
    const recovered = page.evaluate(
      () =>
        new Promise((resolve) => {
          socket.once('connect', () => resolve(socket.recovered));
          socket.io.engine.close();
        }),
    );
    await call('PATCH', `/modules/${moduleId}`, { name: 'South gate' });
    assert.equal(await recovered, true);
    await hears('rt_module_updated');
    const names = await page.evaluate(
      (moduleId) => told.filter(([, data]) => data.moduleId === moduleId).map(([name]) => name),
      moduleId,
    );
    assert.deepEqual(names, ['rt_module_added', 'rt_module_updated']);
    const wanted = transports.at(-1);
    await page.waitForFunction((wanted) => socket.io.engine.transport.name === wanted, wanted);
    await page.evaluate(() => socket.close());
  });
}
