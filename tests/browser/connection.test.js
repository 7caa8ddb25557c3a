import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live, noticed, openTab, rowOf } from './support/browser.js';
import { Cable } from '../clients/support/cable.js';
import { call, newModule } from './support/hub.js';

test('a cut network is shown, and what was missed is there when it is back', async (t) => {
  const { module } = await newModule(t);
  const cable = await Cable.lay(t);
  const page = await openTab(t, `/modules?search=${module.moduleId}`, { origin: cable.origin });
  await rowOf(page, module.moduleId).waitFor();
  await live(page);
  // Else it would come back by itself before the button is found.
  await page.evaluate(() => {
    const wait = globalThis.setTimeout;
    globalThis.setTimeout = (call, span, ...rest) => wait(call, span > 50 ? span * 1000 : span, ...rest);
    globalThis.waitAsUsual = () => (globalThis.setTimeout = wait);
  });

  await cable.cut();
  await page.locator('connection-banner[data-state="reconnecting"]').waitFor();
  await page.getByText('The connection is interrupted').waitFor();
  await call('PATCH', `/modules/${module.moduleId}`, { name: 'Changed meanwhile' });
  await cable.mend();
  await page.evaluate(() => void globalThis.waitAsUsual());
  await page.getByRole('button', { name: 'Retry now' }).click();
  await live(page);

  await page.locator('connection-banner').waitFor({ state: 'hidden' });
  await rowOf(page, module.moduleId).getByText('Changed meanwhile').waitFor();
});

test('a page may force a new connection by itself', async (t) => {
  const page = await openTab(t, '/modules');
  await live(page);
  const opened = page.waitForEvent('websocket');

  await page.evaluate(() => window.mc_socketReconnect());

  await opened;
  await live(page);
});

test('a page and the hub agree to compress what they say', async (t) => {
  const page = await openTab(t, '/modules');
  await live(page);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  const shaken = new Promise((resolve) => devtools.once('Network.webSocketHandshakeResponseReceived', resolve));

  await page.evaluate(() => window.mc_socketReconnect());

  const { response } = await shaken;
  const [, extensions] = Object.entries(response.headers).find(([name]) => /^sec-websocket-extensions$/i.test(name));
  assert.match(extensions, /^permessage-deflate; client_no_context_takeover/);
  await live(page);
});

test('a login that ends elsewhere leads back to the login page', async (t) => {
  const page = await openTab(t, '/modules', { signedIn: false });
  const { EMAIL, PASSWORD } = await import('./support/hub.js');
  await page.getByLabel('Email').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await live(page);

  const status = await page.evaluate(() =>
    fetch('/api/v1/auth/logout', { method: 'POST' }).then((answer) => answer.status),
  );

  assert.equal(status, 204);
  await noticed(page, 'Your login has ended');
  await page.getByLabel('Email').waitFor();
});
