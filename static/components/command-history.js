import { api, modulePath } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatClock, formatSpan } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { learnNames, nameOf } from '../lib/people.js';
import { session } from '../lib/session.js';
import { message } from './data-table.js';
import { moment } from './module-cells.js';

/**
 * What a module was told, newest first: who told it, until when somebody waited, and what it answered. Live.
 *
 *     h('command-history', { 'data-module': 'MC-1001-STN' });
 */
class CommandHistory extends HTMLElement {
  #leave = [];
  #table = h('data-table');

  connectedCallback() {
    const mine = ({ moduleId }) => moduleId === this.dataset.module && this.#table.refresh();
    this.#leave = [
      session.hub.on('rt_command_updated', mine),
      session.hub.on('rt_emergency_stop_updated', mine),
      session.hub.on('snapshot', ({ topic }) => topic === `module:${this.dataset.module}` && this.#table.refresh()),
    ];
    this.replaceChildren(this.#table);
    this.#table.definition = {
      name: 'commands',
      caption: t('command.history'),
      columns: columns(),
      id: ({ commandId }) => commandId,
      load: ({ page, perPage }, signal) => this.#load({ page, perPage }, signal),
      sort: '',
      empty: () => message('empty', t('command.none'), t('command.noneHint')),
    };
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
  }

  async #load(query, signal) {
    const page = await api.get(`${modulePath(this.dataset.module)}/commands`, { query, signal });
    await learnNames(page.items.map(({ userId }) => userId), signal);
    return page;
  }
}

customElements.define('command-history', CommandHistory);

function columns() {
  return [
    { key: 'command', label: t('command.name'), kind: 'lead', render: ({ command }) => h('span', {}, command) },
    { key: 'status', label: t('module.status'), kind: 'fit', live: true, render: statusOf },
    { key: 'createdAt', label: t('command.sentAt'), kind: 'fit', render: ({ createdAt }) => moment(createdAt) },
    { key: 'by', label: t('command.by'), render: ({ userId }) => senderOf(userId) },
    { key: 'deadline', label: t('command.deadline'), kind: 'fit', render: endOf },
    { key: 'result', label: t('command.result'), kind: 'wide', render: resultOf },
  ];
}

function statusOf({ status, ok }) {
  const words = status === 'answered' ? (ok ? 'done' : 'failed') : status;
  return h('span', { class: `tag command-${words}` }, t(`command.status.${words}`));
}

function senderOf(userId) {
  if (userId === session.user.id) return t('module.mine');
  return nameOf(userId) ?? h('span', { class: 'quiet', title: userId }, t('command.somebody'));
}

function endOf({ createdAt, answeredAt, deadline }) {
  if (answeredAt) return t('command.after', { time: formatSpan(Math.max(0, new Date(answeredAt) - new Date(createdAt))) });
  return h('time', { datetime: deadline, class: 'numbers' }, t('command.until', { time: formatClock(deadline) }));
}

function resultOf({ params, result }) {
  const part = (label, value) =>
    value !== null && h('div', {}, h('span', { class: 'quiet' }, `${label} `), h('code', {}, JSON.stringify(value)));
  return h('div', { class: 'command-values' }, part(t('command.params'), params ?? null), part(t('command.result'), result));
}
