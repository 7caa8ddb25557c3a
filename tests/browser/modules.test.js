import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, rowOf, searchFor, tabIn } from './support/browser.js';
import { call, Device, HUB, newModule, removeAfter, report, uniqueId } from './support/hub.js';

test("a module comes on line, reports and goes off line before one's eyes", async (t) => {
  const { module, token } = await newModule(t);
  const page = await openTab(t, `/modules?search=${module.moduleId}`);
  const row = rowOf(page, module.moduleId);
  await row.getByText('Offline').waitFor();
  await live(page);

  const device = await Device.connect(t, token);
  await row.getByText('Online').waitFor();
  await device.send({ platformClock: 4.25 });
  await row.getByText('4.25').waitFor();
  device.disconnect();
  await row.getByText('Offline').waitFor();
  assertNoFaults(page);
});

test('adding, renaming and removing in one tab shows in another', async (t) => {
  const moduleId = uniqueId();
  removeAfter(t, moduleId);
  const one = await openTab(t, '/modules');
  const other = await tabIn(one.context(), `${HUB}/modules?search=${moduleId}`);
  await other.getByText('Nothing matches').waitFor();
  await live(other);

  await one.getByRole('button', { name: 'Add module' }).first().click();
  const dialog = one.getByRole('dialog');
  await dialog.getByLabel('ID').fill(moduleId);
  await dialog.getByLabel('Name').fill('Great bell');
  await dialog.getByLabel('Type').fill('Bell');
  await dialog.getByRole('button', { name: 'Add module' }).click();
  await dialog.getByLabel('Token').waitFor();
  assert.ok((await dialog.getByLabel('Token').inputValue()).length >= 16, 'the token is shown');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await rowOf(other, moduleId).getByText('Great bell').waitFor();

  await searchFor(one, moduleId);
  await rowOf(one, moduleId).getByRole('button', { name: 'Rename' }).click();
  await dialog.getByLabel('Name').fill('Greater bell');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await rowOf(other, moduleId).getByText('Greater bell').waitFor();

  await rowOf(one, moduleId).getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await other.getByText('Nothing matches').waitFor();
  assertNoFaults(one);
  assertNoFaults(other);
});

test('what people and devices write is text, never markup', async (t) => {
  const name = '<img src=x onerror="document.title=1"> & <b>bell</b>';
  const { module, token } = await newModule(t, { name });
  const device = await Device.connect(t, token);
  await device.send({ '<i>note</i>': '<script>document.title=2</script>' });
  const page = await openTab(t, `/modules?search=${module.moduleId}`);
  await live(page);

  await rowOf(page, module.moduleId).getByRole('link', { name }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
  await page.getByText('<script>document.title=2</script>').waitFor();

  assert.equal(await page.title(), `${name} · Carillon`);
  assertNoFaults(page);
});

test('an id that is taken is told beside its field', async (t) => {
  const { module } = await newModule(t);
  const page = await openTab(t, '/modules');

  await page.getByRole('button', { name: 'Add module' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('ID').fill(module.moduleId);
  await dialog.getByLabel('Name').fill('Twin');
  await dialog.getByLabel('Type').fill('Bell');
  await dialog.getByRole('button', { name: 'Add module' }).click();

  await dialog.getByText('already exists').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
});

test("a module's page follows its telemetry, its name and its end", async (t) => {
  const { module, token } = await newModule(t);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await page.getByText('No telemetry yet').waitFor();
  await live(page);

  const device = await Device.connect(t, token);
  await device.send({ signalLamp: 'green', voltage: 11.5 });
  await page.locator('[data-key="signalLamp"]', { hasText: 'green' }).waitFor();
  await device.send({ signalLamp: 'red', voltage: 12.5 });
  await page.locator('[data-key="signalLamp"]', { hasText: 'red' }).waitFor();
  await page.locator('.module-title').getByText('Online').waitFor();

  await call('PATCH', `/modules/${module.moduleId}`, { name: 'Renamed elsewhere' });
  await page.getByRole('heading', { name: 'Renamed elsewhere' }).waitFor();
  assertNoFaults(page);
  await call('DELETE', `/modules/${module.moduleId}`);
  await page.getByText('This module has been deleted').waitFor();
  // What the page had asked of its history meanwhile is answered with 404, which the browser tells by itself.
  page.faults = page.faults.filter((fault) => !fault.includes('404'));
  assertNoFaults(page);
});

test('a new token is shown once and ends the old connection', async (t) => {
  const { module, token } = await newModule(t);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await Device.connect(t, token);
  await page.locator('.module-title').getByText('Online').waitFor();

  await page.getByRole('button', { name: 'New token' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'New token' }).click();
  await dialog.getByLabel('Token').waitFor();

  assert.notEqual(await dialog.getByLabel('Token').inputValue(), token);
  await page.locator('.module-title').getByText('Offline').waitFor();
});

test('one long name does not squeeze what stands beside it', async (t) => {
  const word = uniqueId('LONG');
  const { module } = await newModule(t, { name: `Short ${word}` });
  const name = `${word} ${'station at the northern embankment '.repeat(3)}`.slice(0, 100);
  await newModule(t, { moduleId: `${word}-${'A123456789-'.repeat(3)}Z`, name, type: 'PumpingStationWithAVeryLongTypeName' });
  const page = await openTab(t, `/modules?search=${word}`);
  const id = rowOf(page, module.moduleId).locator('code');
  await id.waitFor();
  await page.locator('tbody tr').nth(1).waitFor();

  const { height, lineHeight } = await id.evaluate((code) => ({ height: code.offsetHeight, lineHeight: parseFloat(getComputedStyle(code).fontSize) }));

  assert.ok(height < 2 * lineHeight, `the id is ${height} px high`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

test('a filter that somebody has open is not filled anew while modules come and go', async (t) => {
  const { token } = await newModule(t);
  const page = await openTab(t, '/modules');
  await live(page);
  const option = page.getByLabel('Any type').locator('option').nth(1);
  await option.waitFor({ state: 'attached' });
  await option.evaluate((element) => (element.dataset.seen = 'yes'));

  const device = await Device.connect(t, token);
  await page.waitForFunction(() => /[1-9]\d* online/.test(document.querySelector('.summary').textContent));
  device.disconnect();

  assert.equal(await option.getAttribute('data-seen'), 'yes');
});

test('of many values the first few are shown, and the rest when somebody asks', async (t) => {
  const { module, token } = await newModule(t);
  const telemetry = Object.fromEntries(Array.from({ length: 64 }, (_, place) => [`sensor_${place + 1}`, place]));
  await report(module.moduleId, token, [{ telemetry }]);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  const board = page.locator('telemetry-board');
  await board.getByRole('heading', { name: 'Sensor 10' }).waitFor();
  assert.equal(await board.locator('article').count(), 15);

  await board.getByRole('button', { name: 'Show all 64 values' }).click();

  await board.getByRole('heading', { name: 'Sensor 64' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), 'sensor_16');
  assertNoFaults(page);
});

test('an address that says nothing leads to a page that says so', async (t) => {
  const page = await openTab(t, '/modules/%E0%A4%A');

  await page.getByRole('link', { name: 'Go to the modules' }).click();

  await page.getByRole('heading', { name: 'Modules' }).waitFor();
  assertNoFaults(page);
});

test('the table is sorted, filtered and paged, and the address remembers it', async (t) => {
  const mark = uniqueId('SET').slice(3, 13);
  for (let at = 0; at < 12; at += 1)
    await newModule(t, { moduleId: `${mark}-${String(at).padStart(2, '0')}`, name: `Chime ${at}` });
  const page = await openTab(t, '/modules');

  await searchFor(page, mark);
  // Without other modules the count was the same before the search.
  await page.waitForURL((address) => address.searchParams.get('search') === mark);
  await page.getByText('1–10 of 12').waitFor();
  await page.getByRole('button', { name: 'Next page' }).click();
  await page.getByText('11–12 of 12').waitFor();
  await page.reload();
  await page.getByText('11–12 of 12').waitFor();
  await page.getByLabel('Rows per page').selectOption('25');
  await page.getByText('1–12 of 12').waitFor();
  await page.getByRole('button', { name: 'ID', exact: true }).click();
  await page.getByRole('button', { name: 'ID', exact: true }).click();
  await page.locator('th[aria-sort="descending"]', { hasText: 'ID' }).waitFor();
  await page.locator('tbody tr').first().getByText(`${mark}-11`).waitFor();
  await page.getByLabel('Any status').selectOption('online');
  await page.getByText('Nothing matches').waitFor();
  await page.getByRole('button', { name: 'Clear search and filters' }).click();
  await page.locator('tbody tr').first().waitFor();
  assertNoFaults(page);
});
