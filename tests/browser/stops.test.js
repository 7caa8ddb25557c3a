import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PHONE, picture, rowOf } from './support/browser.js';
import { call, Device, newModule, uniqueId } from './support/hub.js';

// What a failed test leaves would stop the modules of the others.
async function clearAll() {
  const { items } = await call('GET', '/emergency-stops?active=true&perPage=100');
  for (const { stopId } of items) await call('POST', `/emergency-stops/${stopId}/clear`, {});
}

test('a type is stopped, which every page shows until somebody clears it', async (t) => {
  t.after(clearAll);
  const type = `Lift ${uniqueId().slice(3, 9)}`;
  const obeying = await newModule(t, { type });
  const away = await newModule(t, { type });
  const device = await Device.connect(t, obeying.token);
  device.obey = ({ command }) => ({ ok: command === 'emergency_stop', result: null });
  const page = await openTab(t, `/modules?type=${encodeURIComponent(type)}`);
  await rowOf(page, away.module.moduleId).waitFor();
  await live(page);

  await page.getByRole('button', { name: 'Emergency stop' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Stops 2 modules; online now: 1.').waitFor();
  await dialog.getByLabel('Reason').fill('Smoke in the shaft');
  await picture(page, 'stop-dialog');
  await dialog.getByRole('button', { name: 'Stop 2 modules' }).click();

  const banner = page.locator('stop-banner');
  await banner.getByText(`Emergency stop in force: Type ${type}`).waitFor();
  await banner.getByText('1 of 2 stopped').waitFor();
  await rowOf(page, away.module.moduleId).getByText('Emergency stop').waitFor();
  await picture(page, 'stop-modules');
  await page.getByRole('link', { name: 'Account' }).click();
  await banner.getByText('1 of 2 stopped').waitFor();
  await banner.getByRole('link', { name: 'See and clear' }).click();
  await rowOf(page, `Type ${type}`).getByText('Smoke in the shaft').waitFor();
  await picture(page, 'stops');
  await rowOf(page, `Type ${type}`).getByRole('button', { name: 'Modules of the stop' }).click();
  await dialog.getByText('Not acknowledged yet').waitFor();
  await page.keyboard.press('Escape');

  await rowOf(page, `Type ${type}`).getByRole('button', { name: 'Clear the stop' }).click();
  await dialog.getByRole('button', { name: 'Clear the stop' }).click();
  await banner.waitFor({ state: 'hidden' });
  await rowOf(page, `Type ${type}`).getByText('Cleared').waitFor();
  assertNoFaults(page);
});

test('everything is stopped from a phone in French, and another tab hears of it and of its end', async (t) => {
  t.after(clearAll);
  await newModule(t);
  const other = await openTab(t, '/account', { locale: 'fr-FR' });
  await live(other);
  const page = await openTab(t, '/stops', { viewport: PHONE, locale: 'fr-FR' });
  await page.getByRole('button', { name: 'Arrêter des modules' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Quoi arrêter').selectOption('Tous les modules');
  await dialog.getByRole('button', { name: /^Arrêter (un module|\d+ modules)$/ }).click();

  await other.locator('stop-banner').getByText('Arrêt d’urgence en vigueur').waitFor();
  await page.getByRole('button', { name: /Lever l’arrêt/ }).first().click();
  await dialog.getByRole('button', { name: 'Lever l’arrêt' }).click();
  await other.locator('stop-banner').waitFor({ state: 'hidden' });
  assertNoFaults(page);
  assertNoFaults(other);
});

test('one module is found by its name and stopped', async (t) => {
  t.after(clearAll);
  const { module } = await newModule(t);
  const page = await openTab(t, '/stops');
  await page.getByRole('button', { name: 'Stop modules' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('What to stop').selectOption('One module');
  await dialog.getByRole('button', { name: 'Stop one module' }).click();
  await dialog.getByText('Please fill in this field').waitFor();
  await dialog.getByLabel('Module', { exact: true }).fill(module.moduleId);
  await page.locator(`datalist option[value="${module.moduleId}"]`).waitFor({ state: 'attached' });
  await dialog.getByRole('button', { name: 'Stop one module' }).click();

  await rowOf(page, module.moduleId).getByText('In force').waitFor();
  const { items } = await call('GET', `/emergency-stops?active=true&moduleId=${module.moduleId}`);
  assert.equal(items[0].scope, 'module');
  assertNoFaults(page);
});

test('an answer that comes late does not hide a stop that a newer one has told of', async (t) => {
  t.after(clearAll);
  const { module } = await newModule(t);
  const page = await openTab(t, '/account');
  await live(page);
  let answerLate;
  const held = new Promise((resolve) => {
    page.route('**/api/v1/emergency-stops?active=true*', async (route) => {
      const response = await route.fetch();
      answerLate = () => route.fulfill({ response });
      resolve();
    }, { times: 1 });
  });
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  await held;

  await call('POST', '/emergency-stops', { scope: 'module', moduleId: module.moduleId });
  const banner = page.locator('stop-banner');
  await banner.getByText('Emergency stop in force').waitFor();
  const answered = page.waitForResponse('**/api/v1/emergency-stops?active=true*');
  await answerLate();
  await (await answered).finished();
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));

  assert.ok(await banner.isVisible());
  assertNoFaults(page);
});
