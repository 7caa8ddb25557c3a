import { api, ApiError } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatBytes, formatMoment, formatNumber } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { lengthWords, secondsOf } from '../lib/lengths.js';
import { explainError, formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { findModules, readTypes, typeOptions } from './module-choice.js';
import { toast } from './toast-stack.js';

/** What is kept, the finest first, as the hub names it. */
export const TIERS = ['raw', 'minutes', 'quarters', 'hours', 'days'];
const LENGTH = /^\d{1,6}[smhd]$/;
const SCOPES = ['type', 'module', 'all'];
/** Nothing is kept for less. */
const DAY_S = 86400;

/**
 * Asks how long something is kept, shows what would go, and sets it when somebody agrees.
 *
 * @param {{rule?: object, rules: object[], defaults: object, changed: (retention: object) => void}} facts
 */
export async function editRule({ rule, rules, defaults, changed }) {
  const isNew = !rule;
  const lengths = lengthFields(rule, otherwise(rule, rules, defaults));
  const whose = isNew ? scopeFields(await readTypes().catch(() => [])) : [];
  const form = formView({
    intro: h('p', {}, t('retention.editWords')),
    fields: [...whose, ...lengths],
    submitLabel: t('retention.preview'),
    cancel: true,
    submit: async (values) => {
      const wanted = isNew ? { scope: values.scope, name: values.type ?? values.module ?? null } : rule;
      const keep = Object.fromEntries(TIERS.map((tier) => [tier, values[tier] || null]));
      checkKeep(keep);
      return preview((all) => [...othersThan(wanted, all, isNew), { ...wanted, keep }]);
    },
    fieldOf: (pointer) => fieldOf(pointer, form),
  });
  const dialog = openDialog(t(isNew ? 'retention.add' : 'retention.editTitle'), form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    agree(detail, changed);
  });
}

function scopeFields(types) {
  const is = (wanted) => ({ scope }) => scope === wanted;
  const choice = [{ value: '', label: t('choice.type') }, ...typeOptions(types)];
  return [
    { name: 'scope', label: t('retention.scope'), type: 'select', value: 'type', options: SCOPES.map(scopeOption) },
    { name: 'type', label: t('module.type'), type: 'select', required: true, options: choice, when: is('type') },
    { name: 'module', label: t('choice.module'), hint: t('choice.moduleHint'), required: true, suggest: findModules, when: is('module') },
  ];
}

function lengthFields(rule, lengths) {
  return TIERS.map((tier) => ({
    name: tier,
    label: t(`retention.${tier}`),
    value: rule?.keep[tier] ?? '',
    pattern: LENGTH,
    patternHint: t('retention.badLength'),
    hint: t('retention.otherwise', { length: secondsOf(lengths[tier]) ? lengthWords(lengths[tier]) : t('retention.ever') }),
  }));
}

// What holds where this rule says nothing, as far as one can know without knowing the type of each module.
function otherwise(rule, rules, defaults) {
  const general = rule?.scope === 'all' ? null : rules.find(({ scope }) => scope === 'all');
  return Object.fromEntries(TIERS.map((tier) => [tier, general?.keep[tier] ?? defaults[tier]]));
}

// What the hub would refuse too, said in the language of the page and beside the field.
function checkKeep(keep) {
  const said = TIERS.filter((tier) => keep[tier]);
  if (!said.length) throw fault(TIERS[0], t('retention.nothingSaid'));
  const short = said.find((tier) => secondsOf(keep[tier]) && secondsOf(keep[tier]) < DAY_S);
  if (short) throw fault(short, t('retention.tooShort'));
  const ever = (tier) => secondsOf(keep[tier]) || Infinity;
  const inverted = said.find((tier, place) => place && ever(tier) < ever(said[place - 1]));
  if (inverted) throw fault(inverted, t('retention.inverted'));
}

// A new rule must not push out one that somebody else has made.
function othersThan(wanted, rules, isNew) {
  const others = rules.filter((other) => !isSame(other, wanted));
  if (isNew && others.length < rules.length) throw fault(wanted.scope === 'all' ? 'scope' : wanted.scope, t('retention.twice'));
  return others;
}

function fault(field, detail) {
  return new ApiError(422, { errors: [{ pointer: `/${field}`, detail }] });
}

// The hub points at `/rules/3/name` and `/rules/3/keep`; the page itself at its fields.
function fieldOf(pointer, form) {
  const [first, , part] = pointer.split('/').slice(1);
  if (first !== 'rules') return first;
  const asked = [...form.querySelectorAll('.field:not([hidden]) :is(input, select)')];
  const isLength = ({ name }) => TIERS.includes(name);
  if (part !== 'keep') return asked.find((control) => !isLength(control) && control.name !== 'scope')?.name ?? part;
  return (asked.find((control) => isLength(control) && control.value) ?? asked.find(isLength)).name;
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
  const { rules, version } = await api.get('/retention');
  const wanted = change(rules);
  const { losses } = await api.post('/retention/preview', { rules: wanted });
  return { change, wanted, version, losses: losses.filter(({ rows }) => rows > 0) };
}

// Exactly the rules that were looked at are set; if others hold by now, what would go is shown again.
async function set({ change, wanted, version }) {
  try {
    return { retention: await api.put('/retention', { rules: wanted }, { version }) };
  } catch (error) {
    if (error.status !== 412) throw error;
    return { again: await preview(change) };
  }
}

function agree(previewed, changed, isAgain = false) {
  const { losses } = previewed;
  const form = formView({
    fields: [],
    intro: h(
      'div',
      {},
      isAgain ? h('p', { class: 'form-alert', role: 'alert' }, t('retention.changedMeanwhile')) : null,
      losses.length ? lossTable(losses) : h('p', {}, t('retention.noLoss')),
    ),
    submitLabel: t(losses.length ? 'retention.applyLoss' : 'retention.apply'),
    danger: losses.length > 0,
    cancel: true,
    submit: () => set(previewed),
  });
  const dialog = openDialog(t('retention.previewTitle'), form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    if (detail.again) {
      agree(detail.again, changed, true);
      return;
    }
    toast(t('retention.applied'), 'good');
    changed(detail.retention);
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
  // Case makes no difference to a type.
  const name = ({ scope, name: written }) => (scope === 'type' ? written.toLowerCase() : (written ?? ''));
  return one.scope === other.scope && name(one) === name(other);
}
