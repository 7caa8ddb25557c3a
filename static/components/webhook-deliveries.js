import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatMoment } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { message } from './data-table.js';
import { openDialog } from './modal-dialog.js';
import { moment } from './module-cells.js';

const STATES = ['pending', 'delivered', 'failed'];

/** What the hub says of failures that have no answer, and the key of its words here. */
const REASONS = new Map([
  ['it waited for too long', 'tooLong'],
  ['too many of its module waited', 'tooMany'],
  ['there was no answer in time', 'noAnswer'],
  ['there was no connection in time', 'noConnection'],
  ['the target hung up without an answer', 'hungUp'],
  ['the target refuses connections', 'refused'],
  ['the target cannot be reached', 'unreachable'],
  ['the name of the target cannot be found', 'noName'],
]);

/** What the hub says of a target that takes nothing from it. */
const REFUSES_ALL = 'check the address of the target';

/** Shows what a webhook was told and what waits for it. */
export function showDeliveries({ id, name }) {
  const table = h('data-table');
  openDialog(t('webhook.deliveriesOf', { name }), table);
  table.definition = {
    name: 'deliveries',
    caption: t('webhook.deliveries'),
    columns: [
      { key: 'event', label: t('webhook.event'), kind: 'lead', render: eventCell },
      { key: 'state', label: t('module.status'), kind: 'fit', render: stateCell },
      { key: 'result', label: t('webhook.result'), kind: 'wide', render: resultCell },
      { key: 'at', label: t('webhook.at'), kind: 'fit', render: ({ createdAt }) => moment(createdAt) },
    ],
    id: (delivery) => delivery.id,
    load: ({ page, perPage, state }, signal) =>
      api.get(`/webhooks/${encodeURIComponent(id)}/deliveries`, { query: { page, perPage, state }, signal }),
    filters: [
      {
        name: 'state',
        label: t('alarm.anyState'),
        options: () => STATES.map((value) => ({ value, label: t(`webhook.state.${value}`) })),
      },
    ],
    sort: '',
    empty: () => message('empty', t('webhook.noDeliveries')),
  };
}

/** Why a delivery was not taken, as far as there are words for it. */
export function explainFailure({ status, error }) {
  const key = REASONS.get(error);
  if (key) return t(`webhook.reason.${key}`);
  if (status && error?.includes(REFUSES_ALL)) return t('webhook.refusesAll', { status });
  return status ? t('webhook.answered', { status }) : (error ?? '');
}

function eventCell({ event, moduleId }) {
  return h('div', { class: 'delivery' }, h('span', {}, t(`webhook.${event}`)), moduleId && h('small', { class: 'quiet' }, moduleId));
}

function stateCell({ state }) {
  return h('span', { class: `tag delivery-${state}` }, t(`webhook.state.${state}`));
}

function resultCell(delivery) {
  const { state, attempts, nextAt } = delivery;
  if (state === 'pending' && !attempts) return h('span', { class: 'quiet' }, t('webhook.notYet'));
  const more = [];
  if (attempts) more.push(t('webhook.attempts', { count: attempts }));
  if (nextAt) more.push(t('webhook.nextAt', { at: formatMoment(nextAt) }));
  const details = more.length > 0 && h('small', { class: 'quiet numbers' }, more.join(' · '));
  return h('div', { class: 'delivery' }, h('span', {}, explainFailure(delivery)), details);
}
