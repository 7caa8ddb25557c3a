import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoFaults, live, openTab, PHONE } from './support/browser.js';
import { call, newModule, report, uniqueId } from './support/hub.js';

const DAY = 86400000;

test('what is kept is told, and a rule says what it would delete before it does', async (t) => {
  const type = `Kept${uniqueId().slice(3, 9)}`;
  const { module, token } = await newModule(t, { type });
  t.after(async () => setRules((rules) => rules.filter(({ name }) => name !== type)));
  const now = Date.now();
  await report(module.moduleId, token, Array.from({ length: 200 }, (_, place) => ({
    ts: new Date(now - 10 * DAY + place * 60000).toISOString(),
    telemetry: { level: place },
  })));
  await sealed(type);
  const page = await openTab(t, '/retention');
  await page.locator('[data-figure="bytes"]').waitFor();
  await page.getByRole('row', { name: new RegExp(type) }).first().waitFor();
  await live(page);

  await page.getByRole('button', { name: 'Add rule' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Which one').fill(type);
  await dialog.getByLabel('Samples').fill('7 days');
  await dialog.getByRole('button', { name: 'See what it would delete' }).click();
  await dialog.getByText('Please write a number and a unit').waitFor();
  await dialog.getByLabel('Samples').fill('7d');
  await dialog.getByRole('button', { name: 'See what it would delete' }).click();

  await dialog.getByText('This goes for good').waitFor();
  await dialog.getByRole('row', { name: /Samples/ }).getByText('200').waitFor();
  assert.ok(!(await rules()).some(({ name }) => name === type), 'nothing holds before somebody agrees');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.ok(!(await rules()).some(({ name }) => name === type), 'nothing holds after a refusal');

  await page.getByRole('button', { name: 'Add rule' }).click();
  await dialog.getByLabel('Which one').fill(type);
  await dialog.getByLabel('Samples').fill('7d');
  await dialog.getByRole('button', { name: 'See what it would delete' }).click();
  await dialog.getByRole('button', { name: 'Apply and delete' }).click();
  await page.getByRole('row', { name: new RegExp(`Type ${type} 7 days`) }).waitFor();
  assert.deepEqual((await rules()).find(({ name }) => name === type)?.keep.raw, '7d');

  await page.getByRole('button', { name: `Remove the rule for Type ${type}` }).click();
  await dialog.getByText('Nothing would be deleted now').waitFor();
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('row', { name: new RegExp(`Type ${type} 7 days`) }).waitFor({ state: 'detached' });
  assertNoFaults(page);
});

test('what a rule may not say is told where it is written', async (t) => {
  const page = await openTab(t, '/retention', { viewport: PHONE, locale: 'fr-FR' });
  await page.getByRole('button', { name: 'Ajouter une règle' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Lequel').fill('Gare');
  await dialog.getByLabel('Mesures').fill('1m');
  await dialog.getByRole('button', { name: 'Voir ce qui serait supprimé' }).click();
  await dialog.locator('.form-alert:visible, .field-error:visible').first().waitFor();
});

async function rules() {
  return (await call('GET', '/retention')).rules;
}

async function setRules(change) {
  await call('PUT', '/retention', { rules: change(await rules()) });
}

// What has not been sealed yet is not counted.
async function sealed(type) {
  const until = Date.now() + 90000;
  for (;;) {
    const { usage } = await call('GET', '/retention');
    if (usage.types.find(({ name }) => name === type)?.kept.samples >= 200) return;
    assert.ok(Date.now() < until, JSON.stringify(usage.types));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
