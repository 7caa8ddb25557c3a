import assert from 'node:assert/strict';
import { test } from 'node:test';
import WebSocket from 'ws';
import { assertNoFaults, live, noticed, openTab, PHONE, tabIn } from './support/browser.js';
import { call, Device, HUB, newModule, report, signIn, uniqueId } from './support/hub.js';

test('an alarm rings on every page, is acknowledged, and clears itself before one’s eyes', async (t) => {
  const { module, token } = await newModule(t);
  const device = await Device.connect(t, token);
  await device.send({ temperature: 20 });
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await live(page);
  const panel = page.locator('alarm-panel');
  await panel.getByText('No rule watches this module').waitFor();

  await panel.getByRole('button', { name: 'Add rule' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Too hot');
  await dialog.getByLabel('Limit').fill('thirty');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('Please write a number').waitFor();
  await dialog.getByLabel('Limit').fill('30');
  await dialog.getByLabel('Hysteresis').fill('2,5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await panel.getByText('Temperature above 30').first().waitFor();

  const account = await tabIn(page.context(), `${HUB}/account`);
  await live(account);
  const bell = account.locator('alarm-bell');
  await bell.getByText(/active alarm/i).waitFor({ state: 'attached' });
  const before = Number((await bell.locator('.bell-count').textContent()) || 0);
  await device.send({ temperature: 31 });
  await bell.getByText(before ? `${before + 1} active alarms` : 'One active alarm').waitFor({ state: 'attached' });

  const row = panel.locator('tbody tr', { hasText: 'Too hot' });
  await row.getByText('Active').waitFor();
  await row.getByRole('button', { name: 'Acknowledge Too hot' }).click();
  await row.getByText('Acknowledged').waitFor();
  await device.send({ temperature: 29 });
  await device.send({ temperature: 27 });
  await row.getByText('Over by itself').waitFor();
  assertNoFaults(page);
  assertNoFaults(account);
});

test('rules are changed, switched off and removed on the page of their module', async (t) => {
  const { module, token } = await newModule(t);
  const device = await Device.connect(t, token);
  await device.send({ level: 5 });
  const condition = { kind: 'silence', span: '10m' };
  await call('POST', '/alarm-rules', { name: 'Quiet', severity: 'info', moduleId: module.moduleId, condition });
  const page = await openTab(t, `/modules/${module.moduleId}`);
  const panel = page.locator('alarm-panel');
  await panel.getByText('No reading for 10 minutes').waitFor();

  await panel.getByRole('button', { name: 'Change Quiet' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Silent for').fill('2h');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await panel.getByText('No reading for 2 hours').waitFor();
  await panel.getByRole('button', { name: 'Switch Quiet off' }).click();
  await panel.getByText('(off)').waitFor();
  await panel.getByRole('button', { name: 'Remove Quiet' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await panel.getByText('No rule watches this module').waitFor();
  assertNoFaults(page);
});

test('all alarms stand in a list that is filtered, and can be cleared there, on a phone too', async (t) => {
  const { module, token } = await newModule(t, { name: 'Hot mast' });
  const device = await Device.connect(t, token);
  const condition = { kind: 'threshold', key: 'level', direction: 'above', limit: 3 };
  await call('POST', '/alarm-rules', { name: 'Flood', severity: 'critical', moduleId: module.moduleId, condition });
  const page = await openTab(t, '/alarms?severity=critical', { viewport: PHONE });
  await live(page);

  await device.send({ level: 4.5 });

  const row = page.locator('tbody tr', { hasText: 'Hot mast' });
  await row.getByText('Level above 3; it was 4.5').waitFor();
  await row.getByRole('button', { name: 'Clear Flood' }).click();
  await row.getByText('Cleared by somebody').waitFor();
  await page.getByLabel('Any state').selectOption('active');
  await row.waitFor({ state: 'detached' });
  await page.waitForURL((url) => url.searchParams.get('state') === 'active');
  assertNoFaults(page);
});

test('many alarms are acknowledged at once', async (t) => {
  const type = uniqueId('TYPE');
  const condition = { kind: 'threshold', key: 'level', direction: 'above', limit: 3 };
  const { ruleId } = await call('POST', '/alarm-rules', { name: type, severity: 'info', type, condition });
  t.after(() => call('DELETE', `/alarm-rules/${ruleId}`));
  for (const level of [4, 5, 6]) {
    const { module, token } = await newModule(t, { type });
    await report(module.moduleId, token, [{ telemetry: { level } }]);
  }
  const page = await openTab(t, '/alarms?state=active&severity=info');
  await live(page);
  const rows = page.locator('tbody tr', { hasText: type });
  await page.waitForFunction((name) => [...document.querySelectorAll('tbody tr')].filter((row) => row.textContent.includes(name)).length === 3, type);

  await page.getByRole('button', { name: /Acknowledge the \d+ shown/ }).click();

  await noticed(page, 'alarms are acknowledged');
  await rows.first().waitFor({ state: 'detached' });
  const { items } = await call('GET', `/alarms?state=acknowledged&perPage=100`);
  assert.equal(items.filter(({ ruleName }) => ruleName === type).length, 3);
  assertNoFaults(page);
});

test('an admin’s bell hears at once of alarms of other people’s modules, on pages that are about something else', async (t) => {
  const person = await call('POST', '/users', { email: `${uniqueId().toLowerCase()}@example.org`, name: 'Somebody else', password: 'correct horse battery' });
  t.after(() => call('DELETE', `/users/${person.id}`));
  const { module, token } = await newModule(t);
  await call('PATCH', `/modules/${module.moduleId}`, { userId: person.id });
  const device = await Device.connect(t, token);
  const condition = { kind: 'threshold', key: 'level', direction: 'above', limit: 3 };
  await call('POST', '/alarm-rules', { name: 'Flood', severity: 'info', moduleId: module.moduleId, condition });
  const page = await openTab(t, '/account');
  await live(page);
  const count = page.locator('alarm-bell .bell-count');
  await page.locator('alarm-bell').getByText(/active alarm/i).waitFor({ state: 'attached' });
  const before = Number(await count.textContent());

  await device.send({ level: 4 });
  await count.getByText(String(before + 1), { exact: true }).waitFor();
  await page.getByRole('link', { name: 'Admin' }).click();
  await page.locator('stat-board').getByText('Modules online').waitFor();
  await page.getByRole('link', { name: 'Account' }).click();
  await page.getByRole('heading', { name: 'Account' }).waitFor();
  await device.send({ level: 2 });
  await count.filter({ hasText: String(before + 1) }).waitFor({ state: 'hidden' });
  assertNoFaults(page);
});

test('an owner hears of an alarm without listening to a page', async (t) => {
  const { module, token } = await newModule(t);
  const device = await Device.connect(t, token);
  const condition = { kind: 'threshold', key: 'level', direction: 'above', limit: 3 };
  await call('POST', '/alarm-rules', { name: 'Flood', severity: 'info', moduleId: module.moduleId, condition });
  const { accessToken } = await signIn();
  const socket = new WebSocket(`${HUB.replace(/^http/, 'ws')}/ws`, { headers: { authorization: `Bearer ${accessToken}` } });
  t.after(() => socket.close());
  const heard = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('message', (text) => {
      const frame = JSON.parse(text);
      if (frame.type === 'welcome') device.send({ level: 4 });
      if (frame.event === 'rt_alarm_raised' && frame.data.moduleId === module.moduleId) resolve();
    });
  });

  await heard;
});
