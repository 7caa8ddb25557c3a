import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { assertNoFaults, DESKTOP, live, openTab, PHONE, picture } from './support/browser.js';
import { Device, newModule } from './support/hub.js';

const axe = readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const SIZES = { desktop: DESKTOP, phone: PHONE };

test('English and French are a button apart, and the choice is kept', async (t) => {
  const page = await openTab(t, '/modules', { locale: 'fr-FR' });
  await page.getByRole('button', { name: 'Ajouter un module' }).first().waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'fr');

  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('button', { name: 'Add module' }).first().waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Add module' }).first().waitFor();
  assert.equal(await page.locator('html').getAttribute('lang'), 'en');
  await live(page);
  assertNoFaults(page);
});

test('the theme follows the system until one is chosen, and the choice is kept', async (t) => {
  const page = await openTab(t, '/account', { scheme: 'light' });
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.getByRole('button', { name: 'Use the dark theme' }).waitFor();
  const light = await paper();

  await page.getByRole('button', { name: 'Use the dark theme' }).click();
  const dark = await paper();
  assert.notEqual(dark, light);
  await page.reload();
  await page.getByRole('button', { name: 'Use the light theme' }).waitFor();
  assert.equal(await paper(), dark);
});

test('every word of one language has its counterpart in the other', async () => {
  const { en } = await import('../../static/i18n/en.js');
  const { fr } = await import('../../static/i18n/fr.js');

  assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort());
  const places = (words) => [...new Set(words.match(/\{\w+\}/g) ?? [])].filter((place) => place !== '{count}').sort();
  for (const key of Object.keys(en)) assert.deepEqual(places(fr[key]), places(en[key]), key);
});

test('where nothing is, a page says so in the language of its reader and leads home', async (t) => {
  for (const [signedIn, locale, words, home, path] of [
    [false, 'fr-FR', 'Il n’y a rien ici', 'Aller aux modules', '/login'],
    [true, 'en-GB', 'There is nothing here', 'Go to the modules', '/modules'],
  ]) {
    const page = await openTab(t, '/nothing/at/all', { signedIn, locale });
    await page.getByText(words).waitFor();
    await whole(page);
    // The browser tells the answer's status by itself.
    page.faults = page.faults.filter((fault) => !fault.includes('404'));
    assertNoFaults(page);
    await page.getByRole('link', { name: home }).click();
    await page.waitForURL(`**${path}`);
  }
});

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const scheme of ['light', 'dark']) {
    test(`every page is whole: ${size}, ${scheme}`, async (t) => {
      const { module, token } = await newModule(t, { name: 'Harbour station' });
      const device = await Device.connect(t, token);
      await device.send({ temperature: 21.5, platformClock: true, departures: 12, mode: 'automatic' });
      const keep = (page, name) => picture(page, `${name}-${size}-${scheme}`);

      const outside = await openTab(t, '/login', { signedIn: false, viewport, scheme });
      await outside.getByLabel('Email').waitFor();
      await whole(outside);
      await keep(outside, 'login');
      await outside.getByRole('link', { name: 'Client library' }).click();
      await outside.locator('.manual-section').last().waitFor();
      await whole(outside);
      await keep(outside, 'client');

      const page = await openTab(t, '/modules', { viewport, scheme });
      for (const [name, path, sign] of visits(module)) {
        await page.goto(new URL(path, page.url()).href);
        await page.locator(sign).first().waitFor();
        await live(page);
        await whole(page);
        await keep(page, name);
      }
      assertNoFaults(page);
      assertNoFaults(outside);
    });
  }
}

// WCAG 2.2 AA as far as a machine can tell, contrast included.
async function accessible(page) {
  await page.evaluate(await axe);
  const faults = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  assert.deepEqual(faults, []);
}

function visits(module) {
  return [
    ['modules', '/modules', 'tbody tr[data-id]'],
    ['module', `/modules/${module.moduleId}`, '.u-over'],
    ['admin', '/admin', '.stats-small dd'],
    ['alarms', '/alarms', 'alarms-page .message, alarms-page tbody tr[data-id]'],
    ['stops', '/stops', 'stops-page .message, stops-page tbody tr[data-id]'],
    ['webhooks', '/webhooks', 'webhooks-page .message, webhooks-page tbody tr[data-id]'],
    ['retention', '/retention', '.retention-figures dd'],
    ['account', '/account', 'form-view'],
  ];
}

// Nothing sticks out sideways, every control has a name, and one heading leads the page.
async function whole(page) {
  await accessible(page);
  const report = await page.evaluate(() => ({
    sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    nameless: [...document.querySelectorAll('button, a, input, select')]
      .filter(
        (control) => !(control.textContent.trim() || control.getAttribute('aria-label') || control.labels?.length),
      )
      .map((control) => control.outerHTML),
    headings: document.querySelectorAll('h1').length,
  }));
  assert.deepEqual(report, { sideways: 0, nameless: [], headings: 1 });
}
