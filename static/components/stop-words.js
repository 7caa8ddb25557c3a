import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { stopsInForce } from '../lib/live_stops.js';

/** Whom a stop concerns: `Type Station`. */
export function scopeName({ scope, moduleId, type }) {
  return t(`stop.of.${scope}`, { name: moduleId ?? type ?? '' });
}

/** How far a stop has come: `12 of 14 stopped`. */
export function progressWords({ acknowledged, refused, pending }) {
  const all = acknowledged + refused + pending;
  if (!all) return t('stop.nobody');
  const words = t('stop.stopped', { done: acknowledged, all });
  return refused ? `${words}, ${t('stop.couldNot', { count: refused })}` : words;
}

/** The mark of a module that a stop holds. */
export function stopMark(module) {
  return stopsInForce.holds(module) && h('span', { class: 'tag stop-mark' }, icon('warning'), t('stop.mark'));
}
