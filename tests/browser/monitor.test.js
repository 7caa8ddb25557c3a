import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PHONE, picture } from './support/browser.js';
import { call, Device, newModule, uniqueId } from './support/hub.js';

test('the monitor tells connections, reconnections and the busiest topics, and follows them', async (t) => {
  const topic = `custom:${uniqueId()}`;
  const page = await openTab(t, '/admin');
  await live(page);
  const figure = (card, label) => page.locator(`[data-monitor="${card}"] div`, { hasText: label }).locator('dd');

  await figure('connections', 'WebSocket').filter({ hasText: /[1-9]/ }).waitFor();
  await page.evaluate(() => globalThis.mc_socketReconnect());
  await figure('reconnections', 'Came back').filter({ hasText: /[1-9]/ }).waitFor();
  await figure('reconnections', 'Median').filter({ hasText: /\d/ }).waitFor();

  const tap = page.locator('live-tap');
  await tap.getByLabel('Topic').fill(topic);
  await tap.getByRole('button', { name: 'Look', exact: true }).click();
  await tap.getByText('0 events').waitFor();
  const ringing = setInterval(
    () => call('POST', '/events', { event: 'rt_ring', topic, data: {} }).catch(() => {}),
    250,
  );
  t.after(() => clearInterval(ringing));
  await page.locator('live-monitor tr', { hasText: topic }).waitFor();
  assertNoFaults(page);
});

test('a tap shows what goes by, holds it while paused, and is in the audit', async (t) => {
  const { module, token } = await newModule(t, { name: 'North gate' });
  const page = await openTab(t, '/admin');
  await live(page);
  const modules = page.locator('data-table').nth(1);
  await modules.getByRole('searchbox').fill(module.moduleId);
  await modules.getByRole('button', { name: 'Look at the live events of North gate' }).click();
  const tap = page.locator('live-tap');
  await tap.getByText('0 events').waitFor();

  const device = await Device.connect(t, token);
  // It is written down before it is told, so that a newest value may overtake it.
  await tap.locator('li', { hasText: 'rt_module_online' }).waitFor();
  await device.send({ speed: 7 });
  await tap.locator('li', { hasText: 'rt_telemetry_updated' }).filter({ hasText: '"speed":7' }).waitFor();
  await tap.getByRole('button', { name: 'Pause' }).click();
  await device.send({ speed: 8 });
  await tap.getByText('one event waits').waitFor();
  assert.equal(await tap.locator('li', { hasText: '"speed":8' }).count(), 0);
  await tap.getByRole('button', { name: 'Go on' }).click();
  await tap.locator('li', { hasText: '"speed":8' }).waitFor();

  const audit = page.locator('data-table').nth(2);
  await audit.getByRole('row', { name: /Tapped/ }).filter({ hasText: module.moduleId }).waitFor();
  await picture(page, 'tap', { fullPage: true });
  await tap.getByRole('button', { name: 'End' }).click();
  await tap.getByRole('button', { name: 'Pause' }).waitFor({ state: 'hidden' });
  assertNoFaults(page);
});

test('a tap of something that is no topic says so', async (t) => {
  const page = await openTab(t, '/admin', { viewport: PHONE, locale: 'fr-FR' });
  await live(page);
  const tap = page.locator('live-tap');
  await tap.getByLabel('Sujet').fill('nobody');
  await tap.getByRole('button', { name: 'Écouter', exact: true }).click();
  await tap.getByText('Ce sujet n’existe pas.').waitFor();
  await picture(page, 'tap-refused-phone');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(wide, 0);
  assertNoFaults(page);
});
