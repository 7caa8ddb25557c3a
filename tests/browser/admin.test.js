import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PATIENCE_MS, rowOf, searchFor } from './support/browser.js';
import { call, Device, newModule, uniqueId } from './support/hub.js';

test('the figures move and the feed tells when a module comes and goes', async (t) => {
  const page = await openTab(t, '/admin');
  await live(page);
  const total = page.locator('[data-stat="onlineModules"] .stat-beside');
  await total.getByText('/').waitFor();

  const { modules: before } = await figures();
  const { module, token } = await newModule(t);
  await page.waitForFunction(
    (least) =>
      Number(document.querySelector('[data-stat="onlineModules"] .stat-beside').textContent.replace(/\D/g, '')) > least,
    before,
  );
  const device = await Device.connect(t, token);
  await page.locator('.feed li.rt_module_online', { hasText: module.moduleId }).waitFor();
  device.disconnect();
  await page.locator('.feed li.rt_module_offline', { hasText: module.moduleId }).waitFor();
  await page.locator('.feed li.rt_module_added', { hasText: module.moduleId }).waitFor();
  assertNoFaults(page);
});

test('an account is made, changed and removed', async (t) => {
  const email = `${uniqueId('USR').toLowerCase()}@example.org`;
  const page = await openTab(t, '/admin');
  const people = page.locator('data-table').first();
  const dialog = page.getByRole('dialog');

  await page.getByRole('button', { name: 'Add person' }).click();
  await dialog.getByLabel('Name').fill('Quasimodo');
  await dialog.getByLabel('Email').fill(email);
  await dialog.getByLabel('Password').fill('ringing the bells');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await searchFor(page, email, people);
  await rowOf(people, email).getByText('Quasimodo').waitFor();

  await rowOf(people, email).getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Name').fill('Esmeralda');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await rowOf(people, email).getByText('Esmeralda').waitFor();

  await rowOf(people, email).getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await people.getByText('Nothing matches').waitFor();
  assertNoFaults(page);
});

test('a person who is no admin sees no admin page, and admins see them come and go', async (t) => {
  const admin = await openTab(t, '/admin');
  await live(admin);
  const email = `${uniqueId('USR').toLowerCase()}@example.org`;
  const user = await call('POST', '/users', { email, name: 'Visitor', password: 'ringing the bells', roles: ['user'] });
  t.after(() => call('DELETE', `/users/${user.id}`));
  const page = await openTab(t, '/login', { signedIn: false });

  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill('ringing the bells');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('No modules yet').waitFor();

  await admin.locator('.feed li.rt_user_logged_in', { hasText: 'Visitor' }).first().waitFor();
  assert.equal(await page.getByRole('link', { name: 'Admin' }).count(), 0);
  await page.goto(new URL('/admin', page.url()).href);
  await page.getByText('There is nothing here').waitFor();
  await page.getByRole('link', { name: 'Account' }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await admin.locator('.feed li.rt_user_logged_out', { hasText: 'Visitor' }).first().waitFor();
  assertNoFaults(page);
  assertNoFaults(admin);
});

async function figures() {
  const { totalModules } = await call('GET', '/stats');
  return { modules: totalModules };
}

test('a tab of an admin counts as on the admin page while it is there, and not for its bell', async (t) => {
  const count = async () => (await call('GET', '/stats')).connectionsByPage.admin;
  const until = async (wanted) => {
    for (const end = Date.now() + PATIENCE_MS; (await count()) !== wanted; ) {
      assert.ok(Date.now() < end, `${await count()} are counted, and not ${wanted}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  // The tabs of the tests before are closed, which the hub may hear a little later.
  await until(0);
  const page = await openTab(t, '/account');
  await live(page);
  await page.locator('alarm-bell a').waitFor();
  await until(0);

  await page.getByRole('link', { name: 'Admin' }).click();
  await page.locator('.stats-small dd').first().waitFor();
  await until(1);
  await page.getByRole('link', { name: 'Account' }).click();
  await until(0);
  assertNoFaults(page);
});
