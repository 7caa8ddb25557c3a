import { locale } from './i18n.js';

const UNITS = { s: ['second', 1], m: ['minute', 60], h: ['hour', 3600], d: ['day', 86400] };

/** The seconds of a length as the hub writes it: `30s`, `2m`. */
export function secondsOf(length) {
  const [count, unit] = partsOf(length);
  return unit ? count * UNITS[unit][1] : 0;
}

/** A length in words; whole years as such. */
export function lengthWords(length) {
  const [count, unit] = partsOf(length);
  if (!unit) return length ?? '';
  if (unit === 'd' && count && count % 365 === 0) return inUnits(count / 365, 'year');
  return inUnits(count, UNITS[unit][0]);
}

function inUnits(count, unit) {
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}

function partsOf(length) {
  const [, count, unit] = length?.match(/^(\d+)([smhd])$/) ?? [];
  return [Number(count), unit];
}
