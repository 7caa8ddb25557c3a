import assert from 'node:assert/strict';
import { PATIENCE_MS } from './browser.js';

/** The points of a key as `[time, value]`, once they are as they shall be. */
export async function points(page, key, isEnough) {
  const read = () => page.evaluate((name) => document.querySelector('telemetry-chart')?.points(name).map(({ ts, mid }) => [ts, mid]) ?? [], key);
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const shown = await read();
    if (isEnough(shown)) return shown;
    assert.ok(Date.now() < until, `there are ${shown.length} points: ${JSON.stringify(shown.slice(0, 5))}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}
