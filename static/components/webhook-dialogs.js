import { api } from '../lib/api.js';
import { t } from '../lib/i18n.js';
import { explainError, formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { confirmed, showSecret } from './module-dialogs.js';
import { toast } from './toast-stack.js';
import { explainFailure } from './webhook-deliveries.js';

/** What a webhook can be told of. */
const EVENTS = ['alarm.raised', 'alarm.acknowledged', 'alarm.cleared'];

const pathOf = ({ id }) => `/webhooks/${encodeURIComponent(id)}`;

/** Makes a webhook and shows its secret once, or changes one. */
export function editWebhook({ webhook, again }) {
  const box = (event) => ({ name: event, label: t(`webhook.when.${event}`), type: 'checkbox', value: webhook?.events.includes(event) ?? true });
  const form = formView({
    fields: [
      { name: 'name', label: t('module.name'), value: webhook?.name, required: true },
      { name: 'url', label: t('webhook.url'), value: webhook?.url, required: true, hint: t('webhook.urlHint') },
      ...EVENTS.map(box),
      { name: 'enabled', label: t('webhook.enabled'), type: 'checkbox', value: webhook?.enabled ?? true },
    ],
    submitLabel: t('action.save'),
    cancel: true,
    submit: ({ name, url, enabled, ...chosen }) => {
      const body = { name, url, enabled, events: EVENTS.filter((event) => chosen[event]) };
      return webhook ? api.patch(pathOf(webhook), body) : api.post('/webhooks', body);
    },
  });
  const dialog = openDialog(t(webhook ? 'webhook.editTitle' : 'webhook.add'), form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    again();
    if (detail.secret) tellSecret(detail);
    else toast(t('webhook.saved'), 'good');
  });
}

/** Asks whether a webhook shall go. */
export function removeWebhook({ webhook, again }) {
  confirmed({
    title: t('webhook.remove', { name: webhook.name }),
    words: t('webhook.removeWords'),
    label: t('action.delete'),
    act: () => api.remove(pathOf(webhook)),
    then: again,
  });
}

/** Gives a webhook a new secret; the old one signs nothing more. */
export function rotateSecret(webhook) {
  confirmed({
    title: t('webhook.rotate', { name: webhook.name }),
    words: t('webhook.rotateWords'),
    label: t('webhook.rotateDo'),
    act: () => api.post(`${pathOf(webhook)}/rotate`),
    then: tellSecret,
  });
}

/** Tells a webhook something to try it, and says what came of it. */
export async function tryWebhook(webhook) {
  try {
    const tried = await api.post(`${pathOf(webhook)}/test`);
    if (tried.state === 'delivered') toast(t('webhook.testGood', { status: tried.status }), 'good');
    else toast(t('webhook.testBad', { error: explainFailure(tried) }), 'bad');
  } catch (error) {
    toast(explainError(error), 'bad');
  }
}

function tellSecret({ webhook, secret }) {
  showSecret({ title: t('webhook.secret'), words: t('webhook.secretWords', { name: webhook.name }), label: t('webhook.secret'), secret });
}
