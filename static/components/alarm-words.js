import { formatDuration, formatNumber, humanise } from '../lib/format.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';

const UNITS = { s: 1, m: 60, h: 3600, d: 86400 };

/** The seconds of a length as the hub writes it: `30s`, `2m`. */
export function secondsOf(length) {
  const [, count, unit] = length?.match(/^(\d+)([smhd])$/) ?? [];
  return count ? Number(count) * UNITS[unit] : 0;
}

/** A length in words. */
export function lengthWords(length) {
  return formatDuration(secondsOf(length));
}

/** When there is an alarm, in words. */
export function conditionWords({ kind, key, direction, limit, for: hold, window, span }) {
  if (kind === 'silence') return t('alarm.silent', { span: lengthWords(span) });
  const beyond = t(`alarm.${kind}.${direction}`, {
    key: humanise(key),
    limit: formatNumber(limit, 3),
    window: window ? lengthWords(window) : '',
  });
  return secondsOf(hold) ? t('alarm.held', { beyond, hold: lengthWords(hold) }) : beyond;
}

/** How bad it is, by word and colour. */
export function severityBadge(severity) {
  return h('span', { class: `tag severity-${severity}` }, t(`severity.${severity}`));
}

/** How far an alarm has come. */
export function stateWords({ state, clearCause }) {
  return state === 'cleared' && clearCause ? t(`alarm.cleared.${clearCause}`) : t(`alarm.state.${state}`);
}
