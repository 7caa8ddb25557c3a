import { svg } from '../lib/dom.js';

const WIDTH = 120;
const HEIGHT = 28;

/**
 * A small line of the last values, without axes: for the shape only, and hidden from screen readers.
 *
 * @param {number[]} values
 */
export function sparkline(values) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low;
  const x = (at) => (at / Math.max(1, values.length - 1)) * WIDTH;
  const y = (value) => HEIGHT - 2 - (span ? (value - low) / span : 0.4) * (HEIGHT - 4);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const area = `${x(0).toFixed(1)},${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}`;
  return svg(
    'svg',
    { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    values.length > 1 && svg('polygon', { points: area }),
    values.length > 1 && svg('polyline', { points: points.join(' ') }),
  );
}
