import { locale, t } from './i18n.js';

const UNITS = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** A number as people of this language write it, with at most `digits` decimals. */
export function formatNumber(value, digits = 2) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** A part of a whole in percent: `12%`. */
export function formatShare(part) {
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0 }).format(part);
}

/** A telemetry value: numbers by the language, the rest by itself. */
export function formatValue(value) {
  if (typeof value === 'number') return formatNumber(value, Math.abs(value) >= 100000 ? 0 : Math.abs(value) >= 1000 ? 1 : 3);
  if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no');
  return value === null ? '–' : String(value);
}

/** How long ago a moment was: `3 minutes ago`. */
export function formatAgo(moment, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(moment).getTime()) / 1000));
  if (seconds < 5) return t('time.now');
  const [unit, size] = UNITS.find(([, length]) => seconds >= length);
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'always', style: 'short' }).format(
    -Math.floor(seconds / size),
    unit,
  );
}

/** A date with its time. */
export function formatMoment(moment) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(moment));
}

/** A time of day. */
export function formatClock(moment) {
  return new Intl.DateTimeFormat(locale(), { timeStyle: 'medium' }).format(new Date(moment));
}

/** A length of time in its two largest units: `3 h 20 min`. */
export function formatDuration(seconds) {
  const whole = Math.floor(seconds);
  const parts = [
    [Math.floor(whole / 86400), 'day'],
    [Math.floor(whole / 3600) % 24, 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ];
  const first = Math.max(
    0,
    parts.findIndex(([count]) => count > 0),
  );
  const shown = whole === 0 ? [parts[3]] : parts.slice(first, first + 2);
  return shown
    .map(([count, unit]) =>
      new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'short' }).format(count),
    )
    .join(' ');
}

/** A number of bytes in the unit that suits it: `256 kB`. */
export function formatBytes(bytes) {
  const [unit, size] = [
    ['terabyte', 1e12],
    ['gigabyte', 1e9],
    ['megabyte', 1e6],
    ['kilobyte', 1e3],
    ['byte', 1],
  ].find(([, least]) => bytes >= least || least === 1);
  const options = { style: 'unit', unit, unitDisplay: unit === 'byte' ? 'long' : 'short', maximumFractionDigits: bytes < size * 10 && size > 1 ? 1 : 0 };
  return new Intl.NumberFormat(locale(), options).format(bytes / size);
}

/** A short length of time: `850 ms`, `2.4 s`, or as `formatDuration` from a minute on. */
export function formatSpan(milliseconds) {
  if (milliseconds >= 60000) return formatDuration(milliseconds / 1000);
  const [unit, value] = milliseconds < 1000 ? ['millisecond', milliseconds] : ['second', milliseconds / 1000];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 }).format(value);
}

/** Names in the order in which people look for them: `t2` before `t10`. */
export function inOrder(names) {
  return names.toSorted(new Intl.Collator(locale(), { numeric: true }).compare);
}

/** `lightLevel` and `light_level` as `Light level`: for names nobody translated. */
export function humanise(name) {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[_.-]+/g, ' ')
    .toLowerCase()
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
