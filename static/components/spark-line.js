import { svg } from '../lib/dom.js';

const WIDTH = 120;
const HEIGHT = 28;

/**
 * A small line of the last values, without axes: for the shape only, and hidden from screen readers.
 *
 * @param {number[]} values
 */
export function sparkline(values, most = 60) {
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const x = (at) => WIDTH - ((values.length - 1 - at) / (most - 1)) * WIDTH;
  const y = (value) => HEIGHT - 2 - ((value - low) / span) * (HEIGHT - 4);
  const points = values.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
  const area = `${x(0).toFixed(1)},${HEIGHT} ${points.join(' ')} ${WIDTH},${HEIGHT}`;
  return svg('svg', { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    values.length > 1 && svg('polygon', { points: area }), values.length > 1 && svg('polyline', { points: points.join(' ') }));
}
