/**
 * What a chart knows of the history: for each key its points in the order of their times, each time once. Pure.
 *
 * Invariant: what is there between two answers comes from one answer. `replace` takes a stretch of time as a whole, so that
 * nothing stands there twice and nothing is missing where one answer ends and the next begins.
 */
export class SeriesSet {
  #series = new Map();
  #step;

  /** @param {string[]} keys @param {number | null} step The length of the windows; null for single samples. */
  constructor(keys, step) {
    this.#step = step;
    for (const key of keys) this.#series.set(key, []);
  }

  get keys() {
    return [...this.#series.keys()];
  }

  /** The length of the windows in milliseconds; null for single samples. */
  get step() {
    return this.#step;
  }

  /** How many points there are. */
  get size() {
    return [...this.#series.values()].reduce((size, points) => size + points.length, 0);
  }

  /** The time of the newest point. */
  get newest() {
    return Math.max(...[...this.#series.values()].map((points) => points.at(-1)?.ts ?? -Infinity));
  }

  /** The points of a key: `{ts, mid, low, high, count}`; `mid` is null where the module said so. */
  points(key) {
    return this.#series.get(key) ?? [];
  }

  /** Puts an answer of the hub in the place of all that is known from a time on. @param {object[]} items By time. */
  replace(from, items) {
    for (const [key, points] of this.#series) this.#series.set(key, points.slice(0, placeOf(points, from)));
    for (const item of items) {
      const point = pointOf(item);
      if (point) this.#series.get(item.key)?.push(point);
    }
  }

  /** Forgets what is older; the last point before stays, so that a line leads in from the edge. */
  forgetBefore(from) {
    for (const [key, points] of this.#series) {
      const first = Math.max(0, placeOf(points, from) - 1);
      if (first) this.#series.set(key, points.slice(first));
    }
  }

  /** The last point not after a time, or null. */
  at(key, time) {
    const points = this.points(key);
    return points[placeOf(points, time + 1) - 1] ?? null;
  }

  /** What the points of a key between two times come to: `{last, low, high, mean}`, or null. */
  summary(key, { from, to }) {
    const points = this.points(key);
    const shown = points.slice(placeOf(points, from), placeOf(points, to + 1)).filter(({ mid }) => mid !== null);
    if (!shown.length) return null;
    const count = shown.reduce((sum, point) => sum + point.count, 0);
    return {
      last: shown.at(-1),
      low: shown.reduce((low, point) => Math.min(low, point.low), Infinity),
      high: shown.reduce((high, point) => Math.max(high, point.high), -Infinity),
      mean: shown.reduce((sum, point) => sum + point.mid * point.count, 0) / count,
    };
  }

  /** The columns of a key as they are drawn: times, and the values; a null stands in each hole. */
  columns(key) {
    const points = this.points(key);
    const hole = holeOf(points, this.#step);
    const columns = { ts: [], mid: [], low: [], high: [] };
    const add = (ts, point) => {
      columns.ts.push(ts);
      for (const name of ['mid', 'low', 'high']) columns[name].push(point?.[name] ?? null);
    };
    points.forEach((point, place) => {
      const before = points[place - 1];
      if (before && point.ts - before.ts > hole) add(before.ts + 1, null);
      add(point.ts, point);
    });
    return columns;
  }
}

/** From how long a silence on a line is broken: much longer than the module usually lets pass. */
export function holeOf(points, step) {
  const steps = points.slice(1).map((point, place) => point.ts - points[place].ts);
  const usual = steps.sort((a, b) => a - b)[Math.floor(steps.length * 0.9)] ?? 0;
  if (step === null) return Math.max(4 * usual, 2500);
  return usual <= step ? 1.5 * step : Math.max(2.5 * usual, 1.5 * step);
}

/** How far the values of each key reach between two times. @param {(key: string) => boolean} isSwitch */
export function extentsOf(series, bounds, isSwitch) {
  return series.keys.map((key) => {
    const { low = 0, high = 0 } = series.summary(key, bounds) ?? {};
    return { key, low, high, isSwitch: isSwitch(key) };
  });
}

/**
 * Which keys share an axis: those whose values lie so close that none is squashed to less than a fifth.
 *
 * @param {{key: string, low: number, high: number, isSwitch: boolean}[]} extents
 * @returns {Map<string, string>} The name of the scale of each key.
 */
export function scalesOf(extents) {
  const scales = [];
  const scaleOf = new Map();
  for (const { key, low, high, isSwitch } of extents) {
    const span = Math.max(high - low, Math.abs(high) / 10, 1e-9);
    const fits = (scale) => {
      const whole = Math.max(high, scale.high) - Math.min(low, scale.low);
      return !isSwitch && !scale.isSwitch && whole <= 5 * Math.min(span, scale.least);
    };
    let scale = scales.find((known) => (isSwitch ? known.isSwitch : fits(known)));
    if (scale) {
      scale.low = Math.min(low, scale.low);
      scale.high = Math.max(high, scale.high);
      scale.least = Math.min(span, scale.least);
    } else {
      scale = { name: isSwitch ? 'switch' : `y${scales.length}`, low, high, least: span, isSwitch };
      scales.push(scale);
    }
    scaleOf.set(key, scale.name);
  }
  return scaleOf;
}

function pointOf({ ts, value, min, max, mean, count }) {
  const at = Date.parse(ts);
  if (mean !== undefined) return { ts: at, mid: mean, low: min, high: max, count };
  if (typeof value === 'string') return null;
  const mid = typeof value === 'boolean' ? Number(value) : value;
  return { ts: at, mid, low: mid, high: mid, count: 1 };
}

// How many points are before a time.
function placeOf(points, time) {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].ts < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
