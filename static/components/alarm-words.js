import { formatNumber, humanise } from '../lib/format.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { lengthWords, secondsOf } from '../lib/lengths.js';

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
