import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatMoment, formatNumber } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { conditionWords, severityBadge, stateWords } from './alarm-words.js';
import { message } from './data-table.js';
import { explainError } from './form-view.js';
import { moment } from './module-cells.js';
import { toast } from './toast-stack.js';

const STATES = ['active', 'acknowledged', 'cleared'];
const SEVERITIES = ['critical', 'warning', 'info'];

/**
 * Alarms as the definition of a data table: of one module, or of all.
 *
 * @param {{moduleId?: string, query?: object, again: () => void}} facts
 */
export function alarmTable({ moduleId, query, again }) {
  const filter = (name, label, values, words) => ({
    name,
    label,
    options: () => values.map((value) => ({ value, label: t(`${words}.${value}`) })),
  });
  return {
    name: moduleId ? 'moduleAlarms' : 'alarms',
    caption: t('title.alarms'),
    columns: columns(!moduleId, again),
    id: ({ alarmId }) => alarmId,
    load: ({ page, perPage, state, severity }, signal) =>
      api.get('/alarms', { query: { page, perPage, state, severity, moduleId }, signal }),
    filters: [filter('state', t('alarm.anyState'), STATES, 'alarm.state'), filter('severity', t('alarm.anySeverity'), SEVERITIES, 'severity')],
    sort: '',
    query,
    empty: () => message('check', t('alarm.none'), t('alarm.noneHint')),
  };
}

function columns(showsModule, again) {
  const module = {
    key: 'module',
    label: t('alarm.module'),
    kind: 'named',
    render: ({ moduleId, moduleName }) => h('a', { href: `/modules/${encodeURIComponent(moduleId)}` }, moduleName),
  };
  return [
    { key: 'rule', label: t('alarm.what'), kind: 'lead', render: ({ ruleName }) => h('span', {}, ruleName) },
    { key: 'severity', label: t('alarm.severity'), kind: 'fit', render: ({ severity }) => severityBadge(severity) },
    { key: 'state', label: t('module.status'), kind: 'fit', live: true, render: stateCell },
    ...(showsModule ? [module] : []),
    { key: 'condition', label: t('alarm.condition'), kind: 'wide', render: conditionCell },
    { key: 'raised', label: t('alarm.raisedAt'), kind: 'fit', render: ({ raisedAt }) => moment(raisedAt) },
    { key: 'actions', label: t('table.actions'), kind: 'alarm-actions', render: (alarm) => buttons(alarm, { again, showsModule }) },
  ];
}

function stateCell(alarm) {
  const at = alarm.clearedAt ?? alarm.acknowledgedAt;
  return h('span', { class: `alarm-state ${alarm.state}`, title: at ? formatMoment(at) : null }, stateWords(alarm));
}

function conditionCell({ condition, value }) {
  const words = conditionWords(condition);
  return h('span', {}, value === null ? words : t('alarm.withValue', { words, value: formatNumber(value, 3) }));
}

function buttons({ alarmId, state, ruleName, moduleName }, { again, showsModule }) {
  if (state === 'cleared') return '';
  const button = (deed) =>
    h(
      'button',
      {
        type: 'button',
        class: 'button small',
        'aria-label': t(`alarm.${deed}Named`, { name: showsModule ? `${ruleName}, ${moduleName}` : ruleName }),
        onclick: () => act(alarmId, deed, again),
      },
      t(`alarm.${deed}`),
    );
  return h('div', { class: 'buttons' }, state === 'active' && button('acknowledge'), button('clear'));
}

async function act(alarmId, deed, again) {
  try {
    await api.post(`/alarms/${encodeURIComponent(alarmId)}/${deed}`);
    toast(t(`alarm.${deed}Done`), 'good');
  } catch (error) {
    toast(explainError(error), 'bad');
  }
  again();
}
