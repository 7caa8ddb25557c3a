import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Cable } from '../clients/support/cable.js';
import { OwnHub } from '../clients/support/own_hub.js';
import { SAMPLES } from '../../static/pages/client/samples.js';
import { assertNoFaults, live, noticed, openTab, PATIENCE_MS, rowOf } from './support/browser.js';
import { call, Device, HUB, newModule } from './support/hub.js';

// The client library in a real browser, in the hub's own pages and in others.

const way = (page, words, timeout = PATIENCE_MS) => page.locator('connection-facts dd', { hasText: words }).waitFor({ timeout });

test('where WebSockets are blocked the pages live by a stream, and move over when they are not', async (t) => {
  const cable = await Cable.lay(t);
  cable.blocksSockets = true;
  const { module, token } = await newModule(t);
  const page = await openTab(t, `/modules?search=${module.moduleId}`, { origin: cable.origin });
  await live(page);
  const row = rowOf(page, module.moduleId);
  await row.getByText('Offline').waitFor();

  const device = await Device.connect(t, token);
  await row.getByText('Online').waitFor();
  await device.send({ speed: 42.5 });
  await row.getByText('42.5').waitFor();
  await page.getByRole('link', { name: 'Account' }).click();
  await way(page, 'Event stream');
  cable.blocksSockets = false;
  // It looks ever more seldom, so that this may take as long again as everything before.
  await way(page, 'WebSocket', 4 * PATIENCE_MS);
  await live(page);
});

test('without a network the page says so, and comes back by itself with it', async (t) => {
  const { module } = await newModule(t);
  const cable = await Cable.lay(t);
  const page = await openTab(t, `/modules?search=${module.moduleId}`, { origin: cable.origin });
  await rowOf(page, module.moduleId).waitFor();
  await live(page);

  await page.context().setOffline(true);
  cable.snap();
  await page.getByText('There is no network').waitFor();
  await call('PATCH', `/modules/${module.moduleId}`, { name: 'Changed meanwhile' });
  await page.context().setOffline(false);

  await live(page);
  await noticed(page, 'Live again');
  await rowOf(page, module.moduleId).getByText('Changed meanwhile').waitFor();
});

test('after an hour without the hub the page is complete again, without a hand, and says so', async (t) => {
  const { module } = await newModule(t);
  const cable = await Cable.lay(t);
  const page = await openTab(t, '/static/favicon.svg', { origin: cable.origin });
  await page.clock.install();
  await page.goto(`${cable.origin}/modules?search=${module.moduleId}`);
  await rowOf(page, module.moduleId).waitFor();
  await live(page);

  await cable.cut();
  await page.locator('connection-banner[data-state="reconnecting"]').waitFor();
  while (!(await page.locator('connection-banner[data-state="offline"]').count())) await page.clock.runFor(5000);
  await page.getByText('Not connected').waitFor();
  await page.clock.fastForward('01:00:00');
  await call('PATCH', `/modules/${module.moduleId}`, { name: 'Changed meanwhile' });
  await cable.mend();
  while (!(await page.locator('.lamp[data-state="live"]').count())) await page.clock.runFor(5000);

  await noticed(page, 'Live again');
  await rowOf(page, module.moduleId).getByText('Changed meanwhile').waitFor();
});

test('a hub that goes and comes back finds its pages again', async (t) => {
  const hub = await OwnHub.start(t);
  const page = await openTab(t, '/login', { origin: hub.url, signedIn: false });
  await page.getByLabel('Email').fill(hub.email);
  await page.getByLabel('Password').fill(hub.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await live(page);

  await hub.stop();
  await page.locator('connection-banner[data-state="reconnecting"]').waitFor();
  await hub.start();
  await live(page);
  await hub.kill();
  await page.locator('.lamp[data-state="reconnecting"]').waitFor();
  await hub.start();
  await live(page);
  await noticed(page, 'Live again');
});

test('where it is not allowed the page says that it is over, and knocks no more', async (t) => {
  // A place without the application, which would knock before anybody counts.
  const page = await openTab(t, '/static/favicon.svg');
  let knocks = 0;
  await page.routeWebSocket('**/ws', (socket) => {
    knocks += 1;
    socket.close({ code: 4003, reason: 'not allowed' });
  });
  await page.goto(`${HUB}/modules`);
  await page.getByText('The hub no longer lets you in').waitFor();
  assert.equal(knocks, 1);
  await page.getByRole('button', { name: 'Retry now' }).click();
  await page.waitForFunction(() => document.querySelector('connection-banner').dataset.state === 'ended');
  assert.equal(knocks, 2);
});

test('the example of the page about the library works as it is printed', async (t) => {
  const { module, token } = await newModule(t, { name: 'Printed station' });
  const page = await openTab(t, '/client');
  const printed = await page.locator('.sample', { hasText: 'app.js' }).nth(1).locator('pre').textContent();
  assert.equal(printed, SAMPLES.page.code);
  const serve = (contentType, body) => (route) => route.fulfill({ contentType, body });
  await page.route('**/example/', serve('text/html', SAMPLES.html.code));
  await page.route('**/example/app.js', serve('text/javascript', printed));
  await page.goto(`${HUB}/example/`);
  const line = page.locator('#modules li', { hasText: 'Printed station' });
  await line.getByText('offline').waitFor();
  await page.locator('#status', { hasText: 'live' }).waitFor();

  await Device.connect(t, token);
  await line.getByText('online').waitFor();
  await call('PATCH', `/modules/${module.moduleId}`, { name: 'Printed anew' });
  await page.locator('#modules li', { hasText: 'Printed anew' }).waitFor();
  assertNoFaults(page);
});

test('a page of another origin comes in by tickets', async (t) => {
  const { module } = await newModule(t, { name: 'Far station' });
  const page = await openTab(t, '/login', { signedIn: false });
  await page.exposeFunction('fetchTicket', async () => (await call('POST', '/auth/ticket', {})).ticket);
  await page.route('http://panel.test/**', (route) => {
    const { pathname } = new URL(route.request().url());
    return pathname === '/'
      ? route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>Panel</title>' })
      : route.fulfill({ path: fileURLToPath(new URL(`../..${pathname}`, import.meta.url)) });
  });
  await page.goto('http://panel.test/');
  const told = await page.evaluate(async (url) => {
    const { Carillon } = await import('/static/lib/carillon.js');
    const hub = new Carillon({ url, ticket: () => globalThis.fetchTicket(), topics: ['modules'] });
    const snapshot = new Promise((resolve) => hub.on('snapshot', resolve));
    const ended = new Promise((resolve) => hub.on('closed', resolve));
    hub.connect();
    return Promise.race([snapshot, ended]);
  }, HUB);

  assert.ok(
    told.data?.modules.some(({ moduleId }) => moduleId === module.moduleId),
    JSON.stringify(told),
  );
});
