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
  await dialog.getByLabel('Type', { exact: true }).selectOption(type);
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
  await dialog.getByLabel('Type', { exact: true }).selectOption(type);
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

test('rules that somebody else has changed are looked at again before one agrees', async (t) => {
  const type = `Kept${uniqueId().slice(3, 9)}`;
  const other = `Other${uniqueId().slice(3, 9)}`;
  await newModule(t, { type });
  t.after(async () => setRules((rules) => rules.filter(({ name }) => name !== type && name !== other)));
  const page = await openTab(t, '/retention');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Add rule' }).click();
  await dialog.getByLabel('Type', { exact: true }).selectOption(type);
  await dialog.getByLabel('Samples').fill('7d');
  await dialog.getByRole('button', { name: 'See what it would delete' }).click();
  await dialog.getByText('Nothing would be deleted now').waitFor();
  await setRules((rules) => [...rules, { scope: 'type', name: other, keep: { raw: '30d' } }]);

  await dialog.getByRole('button', { name: 'Apply' }).click();
  await dialog.getByText('Somebody else has changed the rules meanwhile').waitFor();
  assert.ok(!(await rules()).some(({ name }) => name === type), 'nothing holds before somebody agrees again');
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('row', { name: new RegExp(`Type ${type} 7 days`) }).waitFor();
  assert.ok((await rules()).some(({ name }) => name === other), 'the rule of the other one stays');
  assertNoFaults({ faults: page.faults.filter((fault) => !fault.includes('412')) });
});

test('what a rule may not say is told where it is written', async (t) => {
  const { module } = await newModule(t);
  t.after(async () => setRules((rules) => rules.filter(({ name }) => name !== module.moduleId)));
  const page = await openTab(t, '/retention', { viewport: PHONE, locale: 'fr-FR' });
  const dialog = page.getByRole('dialog');
  const ask = () => dialog.getByRole('button', { name: 'Voir ce qui serait supprimé' }).click();
  const told = (label) => dialog.locator('.field', { has: page.getByLabel(label) }).locator('.field-error');
  const begin = async () => {
    await page.getByRole('button', { name: 'Ajouter une règle' }).click();
    await ask();
    await told('Type').filter({ hasText: 'Veuillez remplir ce champ' }).waitFor();
    await dialog.getByLabel('Pour', { exact: true }).selectOption('Un module');
    await dialog.getByLabel('Module', { exact: true }).fill(module.moduleId);
  };
  await begin();
  await ask();
  await told('Mesures').filter({ hasText: 'Indiquez une durée' }).waitFor();
  await dialog.getByLabel('Mesures').fill('1m');
  await ask();
  await told('Mesures').filter({ hasText: 'au moins un jour' }).waitFor();
  await dialog.getByLabel('Mesures').fill('30d');
  await dialog.getByLabel('À la minute').fill('7d');
  await ask();
  await told('À la minute').filter({ hasText: 'moins longtemps' }).waitFor();
  // What only the hub knows: the hours are kept for a time that the configuration says.
  await dialog.getByLabel('À la minute').fill('99999d');
  await ask();
  await told('Mesures').filter({ hasText: 'no shorter' }).waitFor();
  await dialog.getByLabel('Module', { exact: true }).fill('not an id');
  await ask();
  await told('Module').filter({ hasText: /\w/ }).waitFor();
  await page.keyboard.press('Escape');

  const keep = { raw: '9d', minutes: null, quarters: null, hours: null, days: null };
  await setRules((rules) => [...rules, { scope: 'module', name: module.moduleId, keep }]);
  await begin();
  await dialog.getByLabel('Mesures').fill('8d');
  await ask();
  await told('Module').filter({ hasText: 'Une règle existe déjà' }).waitFor();
  assertNoFaults({ faults: page.faults.filter((fault) => !fault.includes('422')) });
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
