import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PHONE, rowOf } from './support/browser.js';
import { call, newModule, removeAfter, uniqueId } from './support/hub.js';

const PASSWORD = 'correct horse battery';

async function person(t) {
  const email = `${uniqueId().toLowerCase()}@example.org`;
  const { id } = await call('POST', '/users', { email, name: 'Somebody else', password: PASSWORD });
  t.after(() => call('DELETE', `/users/${id}`));
  const page = await openTab(t, '/login', { signedIn: false, viewport: PHONE });
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await live(page);
  return { id, page };
}

async function claim(page, code) {
  await page.getByRole('button', { name: 'Claim a module' }).click();
  await page.getByRole('dialog').getByLabel('Claim code').fill(code);
  await page.getByRole('dialog').getByRole('button', { name: 'Claim a module' }).click();
}

test('an admin adds a module for somebody, who makes it their own by its code', async (t) => {
  const moduleId = uniqueId();
  removeAfter(t, moduleId);
  const page = await openTab(t, '/modules');
  await page.getByRole('button', { name: 'Add module' }).first().click();
  await page.getByLabel('ID', { exact: true }).fill(moduleId);
  await page.getByRole('dialog').getByLabel('Name').fill('Garden gate');
  await page.getByRole('dialog').getByLabel('Type').fill('Gate');
  await page.getByLabel('Give it a claim code').check();
  await page.getByRole('dialog').getByRole('button', { name: 'Add module' }).click();
  const code = await page.getByRole('dialog', { name: 'The claim code of this module' }).getByLabel('Claim code').inputValue();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'The token of this module' }).getByLabel('Token').waitFor();
  const { id, page: theirs } = await person(t);

  await claim(theirs, code);

  await rowOf(theirs, moduleId).waitFor();
  assert.equal((await call('GET', `/modules/${moduleId}`)).userId, id);
  assertNoFaults(page);
  assertNoFaults(theirs);
});

test('a module that is there already is given a code on its page', async (t) => {
  const { module } = await newModule(t);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await page.getByRole('button', { name: 'Claim code' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Make a claim code' }).click();
  const code = await page.getByRole('dialog').getByLabel('Claim code').inputValue();
  const { page: theirs } = await person(t);

  await claim(theirs, 'AAAA-BBBB-CCCC-DDDD');
  await theirs.getByText('This code does not work').waitFor();
  await theirs.keyboard.press('Escape');
  await claim(theirs, code);

  await rowOf(theirs, module.moduleId).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.facts').getByText('Somebody else').waitFor();
});
