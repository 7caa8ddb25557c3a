import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cable } from '../clients/support/cable.js';
import { assertNoFaults, comeBack, live, openTab } from './support/browser.js';
import { call, Device, newModule } from './support/hub.js';
import { points } from './support/chart.js';

test('a chart is complete after the network was cut', async (t) => {
  const cable = await Cable.lay(t);
  const { page, device, moduleId } = await openChart(t, { origin: cable.origin });

  await cable.cut();
  await page.locator('connection-banner[data-state="reconnecting"]').waitFor();
  await device.send(20);
  await cable.mend();
  await comeBack(page);
  await device.send(5);

  await assertComplete(page, moduleId, 30);
});

test('a chart is complete after its tab was hidden, and asks nobody meanwhile', async (t) => {
  const { page, device, moduleId } = await openChart(t);
  let asked = 0;
  page.on('request', (request) => /\/telemetry\?/.test(request.url()) && (asked += 1));

  await hide(page, true);
  // What it asked before it was hidden is no matter.
  asked = 0;
  // For longer than a chart that is seen waits before it asks.
  let sent = 5;
  for (const until = Date.now() + 2000; Date.now() < until; sent += 5) await device.send(5);
  await heard(page, sent.toLocaleString('en-GB'));
  assert.equal(asked, 0);
  await hide(page, false);

  await assertComplete(page, moduleId, sent);
  assertNoFaults(page);
});

test('a chart is complete after the laptop slept, and its connection died unnoticed', async (t) => {
  const cable = await Cable.lay(t);
  const { page, device, moduleId } = await openChart(t, { origin: cable.origin });
  const devtools = await page.context().newCDPSession(page);

  await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
  cable.snap();
  await device.send(20);
  await devtools.send('Page.setWebLifecycleState', { state: 'active' });

  await live(page);
  await device.send(5);
  await assertComplete(page, moduleId, 30);
});

test('a chart on a slow network shows every reading in the end', async (t) => {
  const { page, device, moduleId } = await openChart(t);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  const conditions = { offline: false, latency: 700, downloadThroughput: 20000, uploadThroughput: 10000 };
  await devtools.send('Network.emulateNetworkConditions', conditions);

  await device.send(60);

  await assertComplete(page, moduleId, 65);
  assertNoFaults(page);
});

test('a chart that could not be read comes by itself when the hub is back', async (t) => {
  const cable = await Cable.lay(t);
  const { page, device, moduleId } = await openChart(t, { origin: cable.origin });
  await cable.cut();
  await page.getByRole('button', { name: '24 h' }).click();
  await page.locator('telemetry-chart').getByRole('button', { name: 'Try again' }).waitFor();
  await device.send(5);

  await cable.mend();
  await comeBack(page);

  await points(page, 'level', ({ length }) => length > 0);
  await page.locator('telemetry-chart').getByRole('button', { name: 'Try again' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: '1 h', exact: true }).click();
  await assertComplete(page, moduleId, 10);
});

// A chart of the last hour with five readings of a device that goes on.
async function openChart(t, options) {
  const { module, token } = await newModule(t);
  const own = await Device.connect(t, token);
  let level = 0;
  const send = async (count) => {
    for (const until = level + count; level < until; ) {
      level += 1;
      await own.send({ level });
    }
  };
  await send(5);
  const page = await openTab(t, `/modules/${module.moduleId}?range=1h`, options);
  await live(page);
  await points(page, 'level', ({ length }) => length === 5);
  return { page, device: { send }, moduleId: module.moduleId };
}

async function assertComplete(page, moduleId, count) {
  const shown = await points(page, 'level', ({ length }) => length >= count);
  const { items } = await call('GET', `/modules/${moduleId}/telemetry?key=level&limit=10000`);
  assert.deepEqual(shown, items.map(({ ts, value }) => [Date.parse(ts), value]));
  assert.equal(shown.length, count);
}

// Headless tabs are never hidden by others; the page is told so.
function hide(page, isHidden) {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
}

function heard(page, value) {
  return page.locator('telemetry-board').getByText(value, { exact: true }).waitFor();
}
