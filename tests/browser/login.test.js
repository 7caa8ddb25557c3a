import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PHONE } from './support/browser.js';
import { EMAIL, PASSWORD } from './support/hub.js';

test('a person logs in with the keyboard alone, and out again', async (t) => {
  const page = await openTab(t, '/', { signedIn: false });
  await page.getByLabel('Email').and(page.locator(':focus')).waitFor();

  await page.keyboard.type(EMAIL);
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Modules' }).waitFor();
  await live(page);
  assert.equal(new URL(page.url()).pathname, '/modules');

  await page.getByRole('link', { name: 'Account' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Log out' }).focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Email').waitFor();
  assertNoFaults(page);
});

test('a wrong password is told clearly, and keeps what was typed', async (t) => {
  const page = await openTab(t, '/login', { signedIn: false });

  await page.getByLabel('Email').fill(EMAIL);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Log in' }).click();

  await page.getByRole('alert').filter({ hasText: 'do not match an account' }).waitFor();
  assert.equal(await page.getByLabel('Email').inputValue(), EMAIL);
});

test('empty fields are told beside them, without asking the hub', async (t) => {
  const page = await openTab(t, '/login', { signedIn: false, viewport: PHONE });

  await page.getByRole('button', { name: 'Log in' }).click();

  await page.getByText('Please fill in this field.').first().waitFor();
  assert.equal(await page.getByLabel('Email').getAttribute('aria-invalid'), 'true');
  assertNoFaults(page);
});

test('who comes without a login is brought back to the page wanted', async (t) => {
  const page = await openTab(t, '/account', { signedIn: false });

  await page.getByLabel('Email').fill(EMAIL);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();

  await page.getByRole('heading', { name: 'Account' }).waitFor();
});
