import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatBytes, formatMoment, formatNumber } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { lengthWords, secondsOf } from '../lib/lengths.js';
import { explainError, formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { toast } from './toast-stack.js';

/** What is kept, the finest first, as the hub names it. */
export const TIERS = ['raw', 'minutes', 'quarters', 'hours', 'days'];
const LENGTH = /^\d{1,6}[smhd]$/;
const SCOPES = ['type', 'module', 'all'];

/**
 * Asks how long something is kept, shows what would go, and sets it when somebody agrees.
 *
 * @param {{rule?: object, defaults: object, changed: (retention: object) => void}} facts
 */
export function editRule({ rule, defaults, changed }) {
  const isNew = !rule;
  const lengths = TIERS.map((tier) => ({
    name: tier,
    label: t(`retention.${tier}`),
    value: rule?.keep[tier] ?? '',
    pattern: LENGTH,
    patternHint: t('retention.badLength'),
    hint: t('retention.otherwise', { length: secondsOf(defaults[tier]) ? lengthWords(defaults[tier]) : t('retention.ever') }),
  }));
  const scope = { name: 'scope', label: t('retention.scope'), type: 'select', value: 'type', options: SCOPES.map(scopeOption) };
  const form = formView({
    intro: h('p', {}, t('retention.editWords')),
    fields: isNew ? [scope, { name: 'name', label: t('retention.name'), hint: t('retention.nameHint') }, ...lengths] : lengths,
    submitLabel: t('retention.preview'),
    cancel: true,
    submit: async (values) => {
      const wanted = isNew ? { scope: values.scope, name: values.scope === 'all' ? null : values.name } : rule;
      const keep = Object.fromEntries(TIERS.map((tier) => [tier, values[tier] || null]));
      return preview((rules) => [...rules.filter((other) => !isSame(other, wanted)), { ...wanted, keep }]);
    },
    explain: (error) => Object.values(Object.fromEntries(error.fields))[0] ?? explainError(error),
  });
  const dialog = openDialog(t(isNew ? 'retention.add' : 'retention.editTitle'), form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    agree(detail, changed);
  });
}

/** Shows what would go without a rule, and takes it away when somebody agrees. */
export async function removeRule({ rule, changed }) {
  try {
    agree(await preview((rules) => rules.filter((other) => !isSame(other, rule))), changed);
  } catch (error) {
    toast(explainError(error), 'bad');
  }
}

// The rules may have changed since they were shown: the change is made to those that hold now.
async function preview(change) {
  const { rules } = await api.get('/retention');
  const wanted = change(rules);
  const { losses } = await api.post('/retention/preview', { rules: wanted });
  return { change, losses: losses.filter(({ rows }) => rows > 0) };
}

function agree({ change, losses }, changed) {
  const form = formView({
    fields: [],
    intro: losses.length ? lossTable(losses) : h('p', {}, t('retention.noLoss')),
    submitLabel: t(losses.length ? 'retention.applyLoss' : 'retention.apply'),
    danger: losses.length > 0,
    cancel: true,
    submit: async () => {
      const { rules } = await api.get('/retention');
      return api.put('/retention', { rules: change(rules) });
    },
  });
  const dialog = openDialog(t('retention.previewTitle'), form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    toast(t('retention.applied'), 'good');
    changed(detail);
  });
}

function lossTable(losses) {
  const row = ({ tier, rows, bytes, from, to }) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, t(`retention.${tier}`), h('p', { class: 'quiet loss-time' }, from ? `${formatMoment(from)} – ${formatMoment(to)}` : '')),
      h('td', { class: 'numbers' }, formatNumber(rows)),
      h('td', { class: 'numbers' }, formatBytes(bytes)),
    );
  const head = ['retention.tier', 'retention.rows', 'retention.bytes'].map((label, place) =>
    h('th', { scope: 'col', class: place ? 'numbers' : null }, t(label)),
  );
  return h(
    'div',
    { class: 'losses' },
    h('p', { class: 'form-alert', role: 'alert' }, t('retention.loss')),
    h('table', { class: 'compact' }, h('thead', {}, h('tr', {}, head)), h('tbody', {}, losses.map(row))),
  );
}

function scopeOption(scope) {
  return { value: scope, label: t(`retention.option.${scope}`) };
}

function isSame(one, other) {
  return one.scope === other.scope && (one.name ?? '') === (other.name ?? '');
}
