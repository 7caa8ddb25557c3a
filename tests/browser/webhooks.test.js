import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import { assertNoFaults, live, noticed, openTab } from './support/browser.js';
import { call, uniqueId } from './support/hub.js';

test('a webhook is made, its secret shown once, tried, and what it was told is listed', async (t) => {
  const told = [];
  let status = 204;
  const receiver = createServer((request, answer) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      told.push({ signature: request.headers['x-carillon-signature'], body: Buffer.concat(parts).toString() });
      answer.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  t.after(() => receiver.close());
  const name = uniqueId('HOOK');
  t.after(() => removeNamed(name));
  const page = await openTab(t, '/webhooks');
  await live(page);

  await page.getByRole('button', { name: 'Add webhook' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Address').fill(`http://127.0.0.1:${receiver.address().port}/bell`);
  await dialog.getByLabel('Told when it is acknowledged').uncheck();
  await dialog.getByRole('button', { name: 'Save' }).click();
  const secret = await dialog.getByLabel('Secret').inputValue();
  await dialog.getByRole('button', { name: 'Close' }).click();
  const row = page.locator('tbody tr', { hasText: name });
  await row.getByText('Cleared').waitFor();
  assert.equal(await row.getByText('Acknowledged').count(), 0);

  await row.getByRole('button', { name: `Test ${name}` }).click();
  await noticed(page, 'The address answered 204');
  const [{ signature, body }] = told;
  const [, time, mark] = signature.match(/^t=(\d+),v1=([0-9a-f]+)$/);
  assert.equal(mark, createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'));

  await row.getByRole('button', { name: `Deliveries of ${name}` }).click();
  const [delivery] = await dialog.locator('tbody tr').all();
  await delivery.getByText('Test', { exact: true }).waitFor();
  await delivery.getByText('Delivered').waitFor();
  await delivery.getByText('Answered 204').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();

  status = 422;
  await row.getByRole('button', { name: `Test ${name}` }).click();
  await noticed(page, 'It did not get through: Answered 422');
  await row.getByRole('button', { name: `Deliveries of ${name}` }).click();
  const failed = dialog.locator('tbody tr', { hasText: 'Given up' });
  await failed.getByText('Answered 422').waitFor();
  await failed.getByText('1 attempt', { exact: true }).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await row.getByRole('button', { name: `Remove ${name}` }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await row.waitFor({ state: 'detached' });
  assertNoFaults(page);
});

async function removeNamed(name) {
  const { items } = await call('GET', '/webhooks?perPage=100');
  for (const webhook of items) if (webhook.name === name) await call('DELETE', `/webhooks/${webhook.id}`);
}
