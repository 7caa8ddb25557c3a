import { message } from '../components/data-table.js';
import { rowActions } from '../components/module-cells.js';
import { showDeliveries } from '../components/webhook-deliveries.js';
import { editWebhook, removeWebhook, rotateSecret, tryWebhook } from '../components/webhook-dialogs.js';
import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';

/** Who outside is told of alarms: for admins. */
class WebhooksPage extends HTMLElement {
  #table = h('data-table');

  connectedCallback() {
    const again = () => this.#table.refresh();
    const add = h('button', { type: 'button', class: 'button primary', onclick: () => editWebhook({ again }) }, icon('plus'), h('span', {}, t('webhook.add')));
    this.replaceChildren(
      h('a', { class: 'back', href: '/admin' }, icon('back'), t('title.admin')),
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.webhooks')), h('p', { class: 'quiet' }, t('webhook.words'))), add),
      this.#table,
    );
    this.#table.definition = {
      name: 'webhooks',
      caption: t('title.webhooks'),
      columns: columns(again),
      id: ({ id }) => id,
      load: ({ page, perPage }, signal) => api.get('/webhooks', { query: { page, perPage }, signal }),
      sort: '',
      empty: () => message('signal', t('webhook.none'), t('webhook.noneHint')),
    };
  }
}

customElements.define('webhooks-page', WebhooksPage);

function columns(again) {
  const actions = (webhook) => [
    { symbol: 'play', label: t('webhook.test', { name: webhook.name }), act: () => tryWebhook(webhook) },
    { symbol: 'eye', label: t('webhook.deliveriesOf', { name: webhook.name }), act: () => showDeliveries(webhook) },
    { symbol: 'edit', label: t('webhook.edit', { name: webhook.name }), act: () => editWebhook({ webhook, again }) },
    { symbol: 'key', label: t('webhook.rotate', { name: webhook.name }), act: () => rotateSecret(webhook) },
    { symbol: 'trash', label: t('webhook.remove', { name: webhook.name }), act: () => removeWebhook({ webhook, again }) },
  ];
  return [
    { key: 'name', label: t('module.name'), kind: 'lead', render: ({ name }) => h('span', {}, name) },
    { key: 'url', label: t('webhook.url'), kind: 'wide', render: ({ url }) => h('code', {}, url) },
    {
      key: 'events',
      label: t('webhook.events'),
      render: ({ events }) => h('span', { class: 'tags' }, events.map((event) => h('span', { class: 'tag' }, t(`webhook.${event}`)))),
    },
    { key: 'enabled', label: t('module.status'), kind: 'fit', render: ({ enabled }) => t(enabled ? 'webhook.on' : 'webhook.off') },
    { key: 'actions', label: t('table.actions'), kind: 'alarm-actions', render: (webhook) => rowActions(actions(webhook)) },
  ];
}
