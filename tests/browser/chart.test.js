import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PHONE } from './support/browser.js';
import { points } from './support/chart.js';
import { call, Device, HUB, newModule, report } from './support/hub.js';

const MINUTE = 60000;

test('the history goes on live, every reading once, also those that come while the page loads', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  const before = Array.from({ length: 60 }, (_, place) => ({
    ts: new Date(now - (61 - place) * 10000).toISOString(),
    telemetry: { temperature: 20 + Math.sin(place / 6), pressure: 1000 + place },
  }));
  await report(module.moduleId, token, before);
  const device = await Device.connect(t, token);
  let sent = 0;
  const send = async (until) => {
    while (sent < until) {
      sent += 1;
      // Every other reading brings nothing new, and is in the history all the same.
      await device.send({ temperature: 30 + Math.floor(sent / 2) });
    }
  };

  const sending = send(150);
  const page = await openTab(t, `/modules/${module.moduleId}?range=1h`);
  await points(page, 'temperature', ({ length }) => length >= 60);
  await sending;
  await live(page);
  await send(160);

  const shown = await points(page, 'temperature', ({ length }) => length >= 60 + 160);
  const { items } = await call('GET', `/modules/${module.moduleId}/telemetry?key=temperature&limit=10000`);
  assert.deepEqual(shown, items.map(({ ts, value }) => [Date.parse(ts), value]));
  assertNoFaults(page);
});

test('a reading of before that comes late is shown where it belongs', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  const at = (second, value) => ({ ts: new Date(now - second * 1000).toISOString(), telemetry: { level: value } });
  await report(module.moduleId, token, [at(8, 1), at(2, 3)]);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await points(page, 'level', ({ length }) => length === 2);
  await live(page);

  await report(module.moduleId, token, [at(5, 2), at(1, 4)]);

  const shown = await points(page, 'level', ({ length }) => length === 4);
  assert.deepEqual(shown.map(([, value]) => value), [1, 2, 3, 4]);
});

test('long stretches are windows with their least and greatest', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  const readings = Array.from({ length: 400 }, (_, place) => ({
    ts: new Date(now - place * 20 * MINUTE).toISOString(),
    telemetry: { level: place % 2 ? 10 : 20, valve: place % 3 === 0 },
  }));
  await report(module.moduleId, token, readings.toReversed());
  const page = await openTab(t, `/modules/${module.moduleId}?range=30d`);

  await points(page, 'level', ({ length }) => length > 100);

  const { low, high } = await page.locator('telemetry-chart').evaluate((chart) => chart.points('level').find(({ count }) => count > 2));
  assert.deepEqual([low, high], [10, 20]);
  await page.getByRole('row', { name: /Level/ }).getByText('20', { exact: true }).first().waitFor();
  assertNoFaults(page);
});

test('dragging zooms, and so do keys; the way back is there, and the address says what is shown', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  await report(module.moduleId, token, Array.from({ length: 300 }, (_, place) => ({
    ts: new Date(now - (300 - place) * 10000).toISOString(),
    telemetry: { level: place, flow: place * 1000 },
  })));
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await points(page, 'level', ({ length }) => length === 300);
  const query = (name) => new URL(page.url()).searchParams.get(name);

  const box = await page.locator('.u-over').boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + (box.width * 3) / 4, box.y + 60, { steps: 5 });
  await page.mouse.up();
  await points(page, 'level', ({ length }) => length > 50 && length < 120);
  const zoomed = Date.parse(query('to')) - Date.parse(query('from'));
  assert.ok(Math.abs(zoomed - 15 * MINUTE) < MINUTE, `${zoomed}`);

  await page.locator('.chart-frame').focus();
  await page.keyboard.press('-');
  await page.waitForURL((url) => Date.parse(url.searchParams.get('to')) - Date.parse(url.searchParams.get('from')) > 20 * MINUTE);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.waitForURL((url) => !url.searchParams.has('from'));
  await points(page, 'level', ({ length }) => length === 300);

  await page.getByRole('checkbox', { name: 'Flow' }).uncheck();
  await page.getByRole('button', { name: '24 h' }).click();
  await page.waitForURL((url) => url.searchParams.get('range') === '24h' && url.searchParams.get('keys') === 'level');
  await page.reload();
  await points(page, 'level', ({ length }) => length > 10);
  assert.equal(await page.getByRole('checkbox', { name: 'Flow' }).isChecked(), false);
  assertNoFaults(page);
});

test('a chart begins with as long a stretch as its history fills, until somebody chooses another', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  const ago = (minutes, level) => ({ ts: new Date(now - minutes * MINUTE).toISOString(), telemetry: { level } });
  const pressed = (name) => page.locator('telemetry-chart .segments [aria-pressed="true"]', { hasText: name }).waitFor();
  await report(module.moduleId, token, [ago(2, 1), ago(1, 2)]);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await pressed('5 min');
  assert.equal(new URL(page.url()).search, '');

  await page.getByRole('button', { name: '5 min' }).click();
  await page.waitForURL((url) => url.searchParams.get('range') === '5m');
  await report(module.moduleId, token, [ago(40, 3)]);
  await page.reload();
  await pressed('5 min');
  await page.goto(`${HUB}/modules/${module.moduleId}`);
  await pressed('1 h');
  assertNoFaults(page);
});

test('the first reading takes the place of the words that there is none', async (t) => {
  const { module, token } = await newModule(t);
  const ts = new Date(Date.now() - 90 * MINUTE).toISOString();
  await report(module.moduleId, token, [{ ts, telemetry: { level: 7 } }]);
  const page = await openTab(t, `/modules/${module.moduleId}?range=5m`);
  const nothing = page.getByText('Nothing was measured in this time');
  await nothing.waitFor();
  await live(page);

  await report(module.moduleId, token, [{ telemetry: { level: 8 } }]);

  await nothing.waitFor({ state: 'detached' });
  await points(page, 'level', ({ length }) => length === 1);
  assertNoFaults(page);
});

test('a key that was null when the page was opened can be shown when it has a number', async (t) => {
  const { module, token } = await newModule(t);
  await report(module.moduleId, token, [{ telemetry: { level: null, text: 'low' } }]);
  const page = await openTab(t, `/modules/${module.moduleId}?range=5m`);
  await page.getByText('Nothing to draw').waitFor();
  await live(page);

  await report(module.moduleId, token, [{ telemetry: { level: 8 } }]);

  await points(page, 'level', (shown) => shown.some(([, value]) => value === 8));
  assertNoFaults(page);
});

test('what is shown can be taken along as a file', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  const readings = [2000, 1000].map((ago) => ({ ts: new Date(now - ago).toISOString(), telemetry: { 'a,b': ago, other: 1 } }));
  await report(module.moduleId, token, [{ ts: new Date(now - 90 * MINUTE).toISOString(), telemetry: { 'a,b': 7 } }, ...readings]);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await points(page, 'a,b', ({ length }) => length === 2);
  await page.getByRole('checkbox', { name: 'Other' }).uncheck();
  await page.waitForURL((url) => url.searchParams.get('keys') === 'a%2Cb');

  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export what is shown as CSV' }).click(),
  ]);

  const lines = (await readFile(await file.path(), 'utf8')).trim().split('\r\n');
  assert.deepEqual(lines, ['ts,key,value', ...readings.map(({ ts, telemetry }) => `${ts},"a,b",${telemetry['a,b']}`)]);
  assertNoFaults(page);
});

test('another stretch can be named on a phone', async (t) => {
  const { module, token } = await newModule(t);
  const now = Date.now();
  await report(module.moduleId, token, [{ ts: new Date(now - 90 * MINUTE).toISOString(), telemetry: { level: 7 } }]);
  const page = await openTab(t, `/modules/${module.moduleId}?range=1h`, { viewport: PHONE, locale: 'fr-FR' });
  await page.getByText('Rien n’a été mesuré pendant ce temps').waitFor();

  await page.getByRole('button', { name: 'Autre…' }).click();
  await page.getByLabel('De', { exact: true }).fill(local(now - 100 * MINUTE));
  await page.getByLabel('À', { exact: true }).fill(local(now - 110 * MINUTE));
  await page.getByRole('button', { name: 'Montrer' }).click();
  await page.getByText('Choisissez deux moments').waitFor();
  await page.getByLabel('À', { exact: true }).fill(local(now - 80 * MINUTE));
  await page.getByRole('button', { name: 'Montrer' }).click();

  await points(page, 'level', ({ length }) => length === 1);
  assertNoFaults(page);
});

function local(time) {
  const at = new Date(time - new Date(time).getTimezoneOffset() * MINUTE);
  return at.toISOString().slice(0, 19);
}
