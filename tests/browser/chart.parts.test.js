import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundsOf, changed, firstView, liveView, mayBeRaw, queryOf, stepName, stepOf, viewOf } from '../../static/components/chart/ranges.js';
import { holeOf, scalesOf, SeriesSet } from '../../static/components/chart/series.js';

const HOUR = 3600000;
const T0 = Date.parse('2026-03-01T12:00:00.000Z');
const sample = (second, value, key = 'k') => ({ ts: new Date(T0 + second * 1000).toISOString(), key, value });
const values = (series, key = 'k') => series.points(key).map(({ ts, mid }) => [(ts - T0) / 1000, mid]);

test('an answer takes the place of what was known from its beginning on', () => {
  const series = new SeriesSet(['k'], null);
  series.replace(-Infinity, [sample(0, 1), sample(1, 2), sample(2, 3)]);

  // Asked again from second 1: one has been mended, one came late, one is new.
  series.replace(T0 + 1000, [sample(1, 20), sample(1.5, 25), sample(2, 3), sample(3, 4)]);

  assert.deepEqual(values(series), [[0, 1], [1, 20], [1.5, 25], [2, 3], [3, 4]]);
});

test('answers that overlap as they like come to the same as one answer', () => {
  const all = Array.from({ length: 200 }, (_, second) => sample(second, second % 7));
  const series = new SeriesSet(['k'], null);
  let known = 0;
  let seed = 7;
  const random = (most) => (seed = (seed * 16807) % 2147483647) % most;
  while (known < all.length) {
    const from = Math.max(0, known - random(10));
    known = Math.min(all.length, known + 1 + random(12));
    series.replace(T0 + from * 1000, all.slice(from, known));
  }
  assert.deepEqual(values(series), all.map(({ value }, second) => [second, value]));
});

test('a hole is much longer than the module usually lets pass, and breaks the line', () => {
  const series = new SeriesSet(['k'], null);
  const seconds = [...Array(20).keys(), ...Array(20).keys()].map((second, place) => (place < 20 ? second : second + 300));
  series.replace(-Infinity, seconds.map((second) => sample(second, 1)));

  const { ts, mid } = series.columns('k');

  assert.equal(mid.filter((value) => value === null).length, 1);
  const place = mid.indexOf(null);
  assert.ok(ts[place] > ts[place - 1] && ts[place] < ts[place + 1], 'times still ascend');
  assert.equal(holeOf(series.points('k'), null), 4000);
});

test('one window that is missing is a hole, unless the module speaks more seldom than that', () => {
  const at = (...minutes) => minutes.map((minute) => ({ ts: minute * 60000 }));
  assert.ok(holeOf(at(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12), 60000) < 120000);
  assert.ok(holeOf(at(0, 5, 10, 15, 20), 60000) > 5 * 60000);
});

test('null breaks a line, texts are left out, and switches are 0 and 1', () => {
  const series = new SeriesSet(['k'], null);
  series.replace(-Infinity, [sample(0, true), sample(1, null), sample(2, 'warm'), sample(3, false)]);
  assert.deepEqual(values(series), [[0, 1], [1, null], [3, 0]]);
});

test('figures weigh windows by their samples and count what is shown only', () => {
  const series = new SeriesSet(['k'], 60000);
  const window = (minute, mean, count, min = mean, max = mean) => ({ ts: new Date(T0 + minute * 60000).toISOString(), key: 'k', mean, count, min, max });
  series.replace(-Infinity, [window(0, 100, 1), window(1, 10, 3, 5, 12), window(2, 20, 1)]);

  const { last, low, high, mean } = series.summary('k', { from: T0 + 60000, to: T0 + HOUR });

  assert.deepEqual([last.mid, low, high, mean], [20, 5, 20, 12.5]);
  assert.equal(series.summary('k', { from: T0 + HOUR, to: T0 + 2 * HOUR }), null);
  assert.equal(series.at('k', T0 + 90000).mid, 10);
});

test('keys share an axis when none is squashed, and switches have their own', () => {
  const scales = scalesOf([
    { key: 'inside', low: 18, high: 24 },
    { key: 'outside', low: 10, high: 22 },
    { key: 'pressure', low: 990, high: 1010 },
    { key: 'door', low: 0, high: 1, isSwitch: true },
  ]);
  assert.equal(scales.get('inside'), scales.get('outside'));
  assert.equal(new Set(scales.values()).size, 3);
});

test('a view comes back from its address, and nonsense says none', () => {
  for (const view of [liveView('7d'), liveView('5m'), liveView('1h'), { from: T0, to: T0 + HOUR }])
    assert.deepEqual(viewOf(new URLSearchParams(queryOf(view))), view);
  for (const text of ['range=9y', 'from=x&to=y', `from=${new Date(T0).toISOString()}&to=${new Date(T0 - 1).toISOString()}`, 'range=__proto__'])
    assert.equal(viewOf(new URLSearchParams(text)), null);
  assert.deepEqual(queryOf(firstView(T0, null)), {});
});

test('a chart begins with the stretch that its history fills, and that its newest reading is in', () => {
  const MINUTE = 60000;
  const first = (oldest, newest = 0) => firstView(T0, { oldest: T0 - oldest, newest: T0 - newest }).name;
  assert.equal(firstView(T0, null).name, '5m');
  assert.deepEqual([1, 14, 15, 90].map((minutes) => first(minutes * MINUTE)), ['5m', '5m', '1h', '1h']);
  assert.deepEqual([6, 24, 10000].map((hours) => first(hours * HOUR)), ['24h', '24h', '24h']);
  assert.deepEqual([2, 50, 2000].map((hours) => first(hours * HOUR, hours * HOUR)), ['24h', '7d', '30d']);
  assert.equal(first(-MINUTE, -MINUTE), '5m', 'a clock that is ahead');
});

test('zooming keeps the middle and never reaches into what is to come', () => {
  const now = T0 + 10 * HOUR;
  const view = { from: T0, to: T0 + 2 * HOUR };
  assert.deepEqual(changed(view, now, { zoom: 0.5 }), { from: T0 + HOUR / 2, to: T0 + 1.5 * HOUR });
  assert.deepEqual(changed(liveView('1h'), now, { move: 0.5 }), { from: now - HOUR, to: now });
  assert.equal(boundsOf(changed(liveView('1h'), now, { zoom: 2 }), now).to, now);
});

test('windows are as long as suits a pixel, and single samples are asked for short stretches only', () => {
  const step = (hours) => stepName(stepOf({ from: 0, to: hours * HOUR }));
  assert.deepEqual([step(1), step(24), step(24 * 7), step(24 * 30), step(24 * 3660)], ['5s', '2m', '15m', '1h', '7d']);
  assert.ok(mayBeRaw({ from: 0, to: HOUR }) && !mayBeRaw({ from: 0, to: 24 * HOUR }));
});
