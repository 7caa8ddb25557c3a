import { formatMoment } from '../../lib/format.js';
import { locale, t } from '../../lib/i18n.js';
import { lengthWords } from '../../lib/lengths.js';
import { stepName } from './ranges.js';

const MINUTE = 60000;
const DAY = 86400000;

/** The words below a time axis: the time of day, and the date where a day begins. */
export function axisTimes(splits, step) {
  const clock = new Intl.DateTimeFormat(locale(), {
    hour: '2-digit',
    minute: '2-digit',
    ...(step < MINUTE && { second: '2-digit' }),
  });
  const date = new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short' });
  let day = '';
  return splits.map((split) => {
    const today = date.format(split);
    const isNew = today !== day;
    day = today;
    if (step >= DAY) return today;
    return isNew ? `${clock.format(split)}\n${today}` : clock.format(split);
  });
}

/** What a chart shows, in words: the moment pointed at, or from when to when and how finely. */
export function shownWords(bounds, step, pointed) {
  if (pointed) return t('chart.pointed', { time: formatMoment(pointed) });
  const stretch = stretchWords(bounds);
  return step ? t('chart.windows', { stretch, step: lengthWords(stepName(step)) }) : t('chart.samples', { stretch });
}

function stretchWords({ from, to }) {
  const style = { dateStyle: 'medium', timeStyle: to - from < 10 * MINUTE ? 'medium' : 'short' };
  return new Intl.DateTimeFormat(locale(), style).formatRange(from, to);
}

/** A moment as an input of the browser reads it, by this machine's clock. */
export function inputMoment(time) {
  const at = new Date(time);
  const pad = (number, length = 2) => String(number).padStart(length, '0');
  const day = `${pad(at.getFullYear(), 4)}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}
