import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { HUB, signIn } from './hub.js';

/** A loaded machine is ten times slower than this one, and at its worst a page takes a minute to load. */
export const PATIENCE_MS = 120000;
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

const SWITCHES = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Pages that a test makes up have no address of their own, and count as foreign to a hub on this machine.
  '--disable-features=LocalNetworkAccessChecks',
];
let browser = null;

function chromiumOnce() {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: SWITCHES,
    timeout: 2 * PATIENCE_MS,
  });
  return browser;
}

after(async () => (await browser)?.close());

/**
 * Opens a browser profile of its own, and one tab in it.
 *
 * `tab.faults` gathers what the console called an error and every breach of the content security policy.
 */
export async function openTab(
  test,
  path,
  { signedIn = true, origin = HUB, viewport = DESKTOP, locale = 'en-GB', scheme = 'dark' } = {},
) {
  const phone = viewport.width < 600;
  const context = await (
    await chromiumOnce()
  ).newContext({ viewport, locale, colorScheme: scheme, isMobile: phone, hasTouch: phone });
  test.after(() => context.close());
  context.setDefaultTimeout(PATIENCE_MS);
  context.setDefaultNavigationTimeout(PATIENCE_MS);
  if (signedIn) await carryLogin(context, origin);
  return tabIn(context, origin + path);
}

/** Opens another tab of the same profile. */
export async function tabIn(context, address) {
  const page = await context.newPage();
  page.faults = [];
  page.on('console', (message) => message.type() === 'error' && page.faults.push(message.text()));
  page.on('pageerror', (error) => page.faults.push(error.stack));
  await page.addInitScript(() =>
    addEventListener('securitypolicyviolation', (event) =>
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`),
    ),
  );
  await page.addInitScript(noteNotices);
  await page.goto(address);
  return page;
}

// Runs in the page.
function noteNotices() {
  globalThis.notices = [];
  const note = (node) => node.classList?.contains('toast') && globalThis.notices.push(node.textContent);
  new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(note))).observe(document, {
    childList: true,
    subtree: true,
  });
}

/** Waits until a notice has been shown, which may be gone already: it stays for some seconds only. */
export async function noticed(page, words) {
  await page.waitForFunction((part) => globalThis.notices.some((notice) => notice.includes(part)), words);
}

/** Has the page try at once to come back, wherever its own attempts have got to. */
export async function comeBack(page) {
  await page.evaluate(() => globalThis.mc_socketReconnect());
  await live(page);
}

async function carryLogin(context, origin) {
  const { cookie } = await signIn();
  await context.addCookies([{ name: 'carillon_session', value: cookie, url: origin, httpOnly: true, sameSite: 'Lax' }]);
  await context.addInitScript(() => localStorage.setItem('carillon.signedIn', 'yes'));
}

/** The row of a module or a person. */
export function rowOf(page, text) {
  return page.locator('tbody tr', { hasText: text });
}

/** Narrows the table of modules to one, wherever it stands among many. */
export async function searchFor(page, text, table = page.locator('data-table').first()) {
  await table.getByRole('searchbox').fill(text);
}

/** Waits until the page is live. */
export async function live(page) {
  await page.locator('.lamp[data-state="live"]').waitFor();
}

/** Asserts that nothing was wrong in a tab. */
export function assertNoFaults(page) {
  assert.deepEqual(page.faults, []);
}

/** Keeps a picture when `CARILLON_SHOTS` names a folder. */
export async function picture(page, name, options = {}) {
  const folder = process.env.CARILLON_SHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), ...options });
}
