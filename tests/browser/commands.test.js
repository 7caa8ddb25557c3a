import { test } from 'node:test';
import { assertNoFaults, live, openTab } from './support/browser.js';
import { call, Device, newModule } from './support/hub.js';

test('what a module was told, by whom and what it answered stands on its page, live and a page at a time', async (t) => {
  const { module, token } = await newModule(t);
  const device = await Device.connect(t, token);
  device.obey = ({ command, params }) => ({ ok: command === 'open', result: { gate: params?.gate ?? 0 } });
  const tell = (command, gate) => call('POST', `/modules/${module.moduleId}/commands`, { command, params: { gate } });
  for (let gate = 0; gate < 11; gate += 1) await tell('open', gate);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  const history = page.locator('command-history');
  await history.getByText('{"gate":10}').first().waitFor();
  await live(page);

  await tell('shut', 99);

  const row = history.locator('tbody tr', { hasText: 'shut' });
  await row.getByText('Not done').waitFor();
  await row.getByText('You').waitFor();
  await row.getByText('{"gate":99}').first().waitFor();
  await history.getByRole('button', { name: 'Next page' }).click();
  await history.getByText('{"gate":0}').first().waitFor();
  assertNoFaults(page);
});

test('a command that nobody answers is shown with its deadline, and after it as unanswered', async (t) => {
  const { module, token } = await newModule(t);
  await Device.connect(t, token);
  const page = await openTab(t, `/modules/${module.moduleId}`);
  await live(page);
  const history = page.locator('command-history');
  await history.getByText('No command yet').waitFor();

  const tell = (command, timeoutMs) => call('POST', `/modules/${module.moduleId}/commands`, { command, timeoutMs }).catch(() => {});
  const row = (command) => history.locator('tbody tr', { hasText: command });

  // Two, so that neither has to be seen in time: one that waits for as long as anybody looks, and one that does not.
  tell('linger', 60000);
  await row('linger').getByText('Waiting').waitFor();
  await row('linger').getByText('until').waitFor();
  await tell('hurry', 100);
  await row('hurry').getByText('No answer').waitFor();
});
