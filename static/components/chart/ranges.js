/** Which stretch of time a chart shows, and how finely: pure. Times are milliseconds since 1970. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The stretches that end now, by their name in the address. */
export const RANGES = { '5m': 5 * MINUTE, '1h': HOUR, '24h': DAY, '7d': 7 * DAY, '30d': 30 * DAY };
/** With one of these a chart begins, the longest that suits what there is. */
const FIRST_RANGES = ['24h', '1h', '5m'];
/** So much of a stretch must be filled for a chart to begin with it. */
const FILLED = 1 / 4;

/** Shorter stretches are not zoomed into. */
export const SHORTEST_MS = 2 * SECOND;
const LONGEST_MS = 20 * 366 * DAY;
/** Longer stretches are told in windows from the start. */
const RAW_UP_TO_MS = 2 * HOUR;
/** About a window for each pixel. */
const WINDOWS = 720;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 28].map((count) => count * DAY),
];

/**
 * What is shown: a stretch that ends now and goes on (`name`), or a fixed one. `isOurs` where nobody asked for it.
 *
 * @typedef {{name: string, span: number, isOurs?: true} | {from: number, to: number}} View
 */

/** Reads a view from the query of an address; null where it says none, or what makes no sense. */
export function viewOf(query) {
  const from = Date.parse(query.get('from'));
  const to = Date.parse(query.get('to'));
  if (to - from >= SHORTEST_MS && to - from <= LONGEST_MS) return { from, to };
  const name = query.get('range');
  return Object.hasOwn(RANGES, name ?? '') ? liveView(name) : null;
}

/**
 * The view that suits what there is, where nobody asked for one: filled well, with the newest reading in it.
 *
 * @param {number} now
 * @param {{oldest: number, newest: number} | null} history
 */
export function firstView(now, history) {
  const { oldest, newest } = history ?? { oldest: now, newest: now };
  const filled = FIRST_RANGES.find((name) => now - oldest >= RANGES[name] * FILLED) ?? FIRST_RANGES.at(-1);
  const names = Object.keys(RANGES);
  const name = names.slice(names.indexOf(filled)).find((longer) => now - newest < RANGES[longer]) ?? names.at(-1);
  return { ...liveView(name), isOurs: true };
}

/** The stretch of that name that ends now. */
export function liveView(name) {
  return { name, span: RANGES[name] };
}

/** The query that `viewOf` reads; nothing is said of a view that nobody asked for. */
export function queryOf(view) {
  if (!view || view.isOurs) return {};
  if (view.name) return { range: view.name };
  return { from: new Date(view.from).toISOString(), to: new Date(view.to).toISOString() };
}

/** From when to when a view reaches. */
export function boundsOf(view, now) {
  return view.name ? { from: now - view.span, to: now } : { from: view.from, to: view.to };
}

/** What a key does to a view, for `changed`. */
export const KEY_STEPS = {
  ArrowLeft: { move: -0.25 },
  ArrowRight: { move: 0.25 },
  '+': { zoom: 0.5 },
  '=': { zoom: 0.5 },
  '-': { zoom: 2 },
};

/** A view zoomed by a factor, or moved by a part of its length; never into what is to come. */
export function changed(view, now, { zoom = 1, move = 0 }) {
  const { from, to } = boundsOf(view, now);
  const span = Math.min(Math.max((to - from) * zoom, SHORTEST_MS), LONGEST_MS);
  const middle = (from + to) / 2 + (to - from) * move;
  const end = Math.round(Math.min(middle + span / 2, Math.max(now, to)));
  return { from: end - Math.round(span), to: end };
}

/** Whether single samples may be asked for. */
export function mayBeRaw({ from, to }) {
  return to - from <= RAW_UP_TO_MS;
}

/** The length of the windows that suit a stretch. */
export function stepOf({ from, to }) {
  return STEPS.find((step) => (to - from) / step <= WINDOWS) ?? STEPS.at(-1);
}

/** A length as the hub reads it: `15m`. */
export function stepName(step) {
  const [unit, length] = [
    ['d', DAY],
    ['h', HOUR],
    ['m', MINUTE],
    ['s', SECOND],
  ].find(([, size]) => step % size === 0);
  return `${step / length}${unit}`;
}

/** How often what is new is asked for while a stretch is followed. */
export function paceOf({ from, to }) {
  return Math.min(Math.max((to - from) / 3600, SECOND), 10 * SECOND);
}
