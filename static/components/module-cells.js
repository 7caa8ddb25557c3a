import { formatMoment, formatValue, humanise, inOrder } from '../lib/format.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { stopMark } from './stop-words.js';
import './time-ago.js';

const SUMMARY_KEYS = 3;

/** A dot and a word for whether a module is there. */
export function statusBadge(status) {
  return h(
    'span',
    { class: `status ${status}` },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    t(`status.${status}`),
  );
}

/** When a module was last heard of: now, as long as it is there. */
export function moduleSeen({ status, lastSeen: moment }) {
  return status === 'online' ? h('span', {}, t('time.present')) : lastSeen(moment);
}

/** How long ago something was. */
export function lastSeen(moment) {
  return moment
    ? h('time-ago', { datetime: moment, class: 'numbers' })
    : h('span', { class: 'quiet' }, t('time.never'));
}

/** The first few values of a telemetry object. */
export function telemetrySummary(telemetry) {
  const keys = inOrder(Object.keys(telemetry ?? {}));
  if (!keys.length) return h('span', { class: 'quiet' }, t('telemetry.none'));
  const more = keys.length - SUMMARY_KEYS;
  const values = keys
    .slice(0, SUMMARY_KEYS)
    .map((key) =>
      h(
        'span',
        { class: 'reading', title: `${humanise(key)} ${formatValue(telemetry[key])}` },
        h('span', { class: 'reading-key' }, humanise(key)),
        ' ',
        h('span', { class: 'numbers' }, formatValue(telemetry[key])),
      ),
    );
  return h('span', { class: 'readings' }, values, more > 0 && h('span', { class: 'quiet numbers' }, `+${more}`));
}

/** A date, in small. */
export function moment(at) {
  return at
    ? h('time', { datetime: at, class: 'numbers' }, formatMoment(at))
    : h('span', { class: 'quiet' }, t('time.never'));
}

/** Whether the person may change a module. */
export function mayChange(module) {
  return session.user.isAdmin || module.userId === session.user.id;
}

/** The buttons of a row. @param {{symbol: string, label: string, act: () => void}[]} actions */
export function rowActions(actions) {
  return h(
    'div',
    { class: 'row-actions' },
    actions.map(({ symbol, label, act }) =>
      h(
        'button',
        { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick: act },
        icon(symbol),
      ),
    ),
  );
}

/**
 * The columns of a table of modules.
 *
 * @param {{edit: (module: object) => void, remove: (module: object) => void, look?: (module: object) => void,
 *   telemetry?: boolean}} actions
 */
export function moduleColumns({ edit, remove, look, telemetry = true }) {
  const actions = (module) => [
    ...(look ? [{ symbol: 'eye', label: t('tap.look', { name: module.name }), act: () => look(module) }] : []),
    { symbol: 'edit', label: t('module.renameNamed', { name: module.name }), act: () => edit(module) },
    { symbol: 'trash', label: t('module.deleteNamed', { name: module.name }), act: () => remove(module) },
  ];
  return [
    {
      key: 'status',
      label: t('module.status'),
      sort: 'status',
      live: true,
      kind: 'fit',
      render: (module) => h('span', { class: 'status-cell' }, statusBadge(module.status), stopMark(module)),
    },
    {
      key: 'name',
      label: t('module.name'),
      sort: 'name',
      kind: 'lead',
      render: ({ moduleId, name }) => h('a', { href: `/modules/${encodeURIComponent(moduleId)}` }, name),
    },
    { key: 'moduleId', label: t('module.id'), sort: 'moduleId', render: ({ moduleId }) => h('code', {}, moduleId) },
    { key: 'type', label: t('module.type'), sort: 'type', render: ({ type }) => h('span', { class: 'tag', title: type }, type) },
    ...(telemetry
      ? [
          {
            key: 'telemetry',
            label: t('module.telemetry'),
            live: true,
            kind: 'wide',
            render: (module) => telemetrySummary(module.telemetry),
          },
        ]
      : []),
    {
      key: 'lastSeen',
      label: t('module.lastSeen'),
      sort: 'lastSeen',
      kind: 'fit',
      render: moduleSeen,
    },
    {
      key: 'actions',
      label: t('table.actions'),
      kind: 'actions',
      render: (module) => (mayChange(module) ? rowActions(actions(module)) : ''),
    },
  ];
}
