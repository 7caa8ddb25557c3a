import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { humanise, inOrder } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { explainError, formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { confirmed } from './module-dialogs.js';
import { toast } from './toast-stack.js';

const LENGTH = /^\d{1,6}[smhd]$/;
const NUMBER = /^-?\d+([.,]\d+)?$/;
const SEVERITIES = ['info', 'warning', 'critical'];
const KINDS = ['threshold', 'silence', 'rate'];

/**
 * Makes a rule for a module (or, by an admin, for its type), or changes one.
 *
 * @param {{module: object, rule?: object, again: () => void}} facts
 */
export function editAlarmRule({ module, rule, again }) {
  const place = h('div');
  const draw = (kind) => {
    const form = ruleForm({ module, rule, kind });
    form.addEventListener('cancel', () => dialog.close());
    form.addEventListener('done', () => {
      dialog.close();
      toast(t('alarm.rule.saved'), 'good');
      again();
    });
    place.replaceChildren(form);
  };
  draw(rule?.condition.kind ?? KINDS[0]);
  const dialog = openDialog(t(rule ? 'alarm.rule.editTitle' : 'alarm.rule.add'), kindField(rule, draw), place);
}

/** Lets a rule count, or not. */
export async function switchAlarmRule({ rule, again }) {
  try {
    await api.patch(rulePath(rule), { enabled: !rule.enabled });
  } catch (error) {
    toast(explainError(error), 'bad');
  }
  again();
}

/** Asks whether a rule shall go. */
export function removeAlarmRule({ rule, again }) {
  confirmed({
    title: t('alarm.rule.remove', { name: rule.name }),
    words: t('alarm.rule.removeWords'),
    label: t('action.delete'),
    act: () => api.remove(rulePath(rule)),
    then: again,
  });
}

const rulePath = ({ ruleId }) => `/alarm-rules/${encodeURIComponent(ruleId)}`;

// The kind decides which fields there are; of a rule that is there it stays.
function kindField(rule, draw) {
  if (rule) return '';
  const options = KINDS.map((kind) => h('option', { value: kind }, t(`alarm.kind.${kind}`)));
  const select = h('select', { id: 'alarm-kind', onchange: () => draw(select.value) }, options);
  return h('div', { class: 'field' }, h('label', { for: 'alarm-kind' }, t('alarm.kind')), select);
}

function ruleForm({ module, rule, kind }) {
  return formView({
    fields: [
      { name: 'name', label: t('module.name'), value: rule?.name, required: true, hint: t('alarm.rule.nameHint') },
      { name: 'severity', label: t('alarm.severity'), type: 'select', value: rule?.severity ?? 'warning', options: choices(SEVERITIES, 'severity') },
      ...conditionFields(kind, rule?.condition ?? {}, module.telemetry ?? {}),
      ...(rule || !session.user.isAdmin ? [] : [{ name: 'ofType', label: t('alarm.rule.forType', { type: module.type }), type: 'checkbox' }]),
    ],
    submitLabel: t('action.save'),
    cancel: true,
    submit: (values) => {
      const body = { name: values.name, severity: values.severity, condition: conditionOf(kind, values) };
      if (rule) return api.patch(rulePath(rule), body);
      return api.post('/alarm-rules', { ...body, ...(values.ofType ? { type: module.type } : { moduleId: module.moduleId }) });
    },
    explain: (error) => error.fields.get('condition') ?? null,
  });
}

function conditionFields(kind, { key, direction, limit, hysteresis, for: hold, window, span }, telemetry) {
  const length = (name, value, required) => ({
    name,
    label: t(`alarm.field.${name}`),
    value,
    required,
    pattern: LENGTH,
    patternHint: t('retention.badLength'),
    hint: t(`alarm.hint.${name}`),
  });
  if (kind === 'silence') return [length('span', span ?? '10m', true)];
  const number = (name, value, required) => ({
    name,
    label: t(name === 'limit' && kind === 'rate' ? 'alarm.field.perSecond' : `alarm.field.${name}`),
    value: value ?? '',
    required,
    pattern: NUMBER,
    patternHint: t('alarm.badNumber'),
  });
  const keys = inOrder(Object.keys(telemetry).filter((name) => ['number', 'boolean'].includes(typeof telemetry[name])));
  if (key && !keys.includes(key)) keys.push(key);
  return [
    { name: 'key', label: t('chart.key'), type: 'select', value: key, options: keys.map((value) => ({ value, label: humanise(value) })) },
    { name: 'direction', label: t('alarm.direction'), type: 'select', value: direction ?? 'above', options: choices(['above', 'below'], 'alarm.direction') },
    number('limit', limit, true),
    { ...number('hysteresis', hysteresis || ''), hint: t('alarm.hint.hysteresis') },
    ...(kind === 'rate' ? [length('window', window ?? '1m', true)] : []),
    length('for', hold === '0s' ? '' : hold),
  ];
}

function conditionOf(kind, { key, direction, limit, hysteresis, for: hold, window, span }) {
  if (kind === 'silence') return { kind, span };
  const number = (text) => Number(text.replace(',', '.'));
  return {
    kind,
    key,
    direction,
    limit: number(limit),
    ...(hysteresis && { hysteresis: number(hysteresis) }),
    ...(hold && { for: hold }),
    ...(kind === 'rate' && { window }),
  };
}

function choices(values, words) {
  return values.map((value) => ({ value, label: t(`${words}.${value}`) }));
}
