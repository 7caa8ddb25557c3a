import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { message } from './data-table.js';
import { moment } from './module-cells.js';

const ACTIONS = [
  'tap.begin',
  'user.create',
  'user.update',
  'user.delete',
  'module.delete',
  'module.command',
  'module.claim',
  'claim_code.make',
  'twin.update',
  'stop.make',
  'stop.clear',
  'retention.update',
  'alarm.acknowledge',
  'alarm.clear',
  'alarm_rule.create',
  'alarm_rule.update',
  'alarm_rule.delete',
  'webhook.create',
  'webhook.update',
  'webhook.delete',
];

/** What people did, newest first: the definition of a data table. */
export function auditTable() {
  return {
    name: 'audit',
    caption: t('audit.title'),
    columns: [
      { key: 'at', label: t('audit.at'), kind: 'fit', render: ({ at }) => moment(at) },
      { key: 'actor', label: t('audit.actor'), kind: 'lead', render: ({ actor }) => person(actor.name, actor.id) },
      { key: 'action', label: t('audit.action'), render: ({ action }) => h('span', { class: 'tag' }, t(`audit.${action}`)) },
      { key: 'subject', label: t('audit.subject'), render: subject },
      { key: 'address', label: t('audit.address'), kind: 'fit', render: ({ address }) => h('code', {}, address || '–') },
    ],
    id: ({ id }) => String(id),
    // The hub keeps the order: newest first.
    load: ({ sort: _, ...query }, signal) => api.get('/audit', { query, signal }),
    filters: [
      {
        name: 'action',
        label: t('audit.any'),
        options: () => ACTIONS.map((action) => ({ value: action, label: t(`audit.${action}`) })),
      },
    ],
    searchLabel: t('audit.search'),
    sort: '',
    empty: () => message('key', t('audit.none')),
  };
}

function person(name, id) {
  return name ? h('span', {}, name) : h('span', { class: 'quiet', title: id }, t('audit.gone'));
}

function subject({ subject: text, subjectName }) {
  if (!subjectName) return h('code', {}, text);
  const words = text.startsWith('modules:') ? t('audit.modulesOf', { name: subjectName }) : subjectName;
  return h('span', { title: text }, words);
}
