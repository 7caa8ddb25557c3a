import { api, modulePath } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatMoment } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { toast } from './toast-stack.js';

const MODULE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Asks for a new module, makes it, and shows its token once. */
export function addModule() {
  const form = formView({
    fields: [
      {
        name: 'moduleId',
        label: t('module.id'),
        required: true,
        pattern: MODULE_ID,
        patternHint: t('module.idHint'),
        hint: t('module.idExample'),
      },
      ...namedFields({ name: '', type: '' }),
      ...(session.user.isAdmin ? [{ name: 'claimable', label: t('claim.give'), type: 'checkbox', hint: t('claim.giveHint') }] : []),
    ],
    submitLabel: t('module.add'),
    cancel: true,
    submit: (values) => api.post('/modules', values),
  });
  const dialog = dialogAround(t('module.add'), form);
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    toast(t('module.added', { name: detail.module.name }), 'good');
    showToken(detail.module.moduleId, detail.token);
    if (detail.claimCode) showCode(detail.module, detail);
  });
}

/** Gives a module a claim code, for who shall have it; an older one works no more. */
export function giveCode(module) {
  confirmed({
    title: t('claim.make'),
    words: t('claim.makeWords', { name: module.name }),
    label: t('claim.make'),
    act: () => api.post(`${modulePath(module.moduleId)}/claim-code`),
    then: (code) => showCode(module, code),
  });
}

function showCode({ name }, { claimCode, expiresAt }) {
  const words = t('claim.words', { name, moment: formatMoment(expiresAt) });
  showSecret({ title: t('claim.codeTitle'), words, label: t('claim.code'), secret: claimCode });
}

/** Asks for the code of a module that somebody else has registered, and makes it one's own. */
export function claimModule(then = () => {}) {
  const form = formView({
    fields: [{ name: 'claimCode', label: t('claim.code'), required: true, hint: t('claim.hint') }],
    submitLabel: t('claim.title'),
    cancel: true,
    submit: (values) => api.post('/modules/claim', values),
  });
  const dialog = dialogAround(t('claim.title'), form);
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    toast(t('claim.done', { name: detail.name }), 'good');
    then();
  });
}

/** Changes name and type of a module. @param {{moduleId: string, name: string, type: string}} module */
export function renameModule(module) {
  const form = formView({
    fields: namedFields(module),
    submitLabel: t('action.save'),
    cancel: true,
    submit: (values) => api.patch(modulePath(module.moduleId), values),
  });
  const dialog = dialogAround(t('module.renameNamed', { name: module.name }), form);
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    toast(t('module.renamed', { name: detail?.name ?? module.name }), 'good');
  });
}

/** Asks whether a module shall go, and lets it go. */
export function deleteModule(module, then = () => {}) {
  confirmed({
    title: t('module.deleteNamed', { name: module.name }),
    words: t('module.deleteWords', { id: module.moduleId }),
    label: t('action.delete'),
    act: () => api.remove(modulePath(module.moduleId)),
    then: () => {
      toast(t('module.deleted', { name: module.name }), 'good');
      then();
    },
  });
}

/** Gives a module a new token; the old one ends. */
export function rotateToken(module) {
  confirmed({
    title: t('module.rotate'),
    words: t('module.rotateWords', { name: module.name }),
    label: t('module.rotate'),
    act: () => api.post(`${modulePath(module.moduleId)}/credentials`),
    then: ({ token }) => showToken(module.moduleId, token),
  });
}

/** Asks before doing something that cannot be undone. */
export function confirmed({ title, words, label, act, then }) {
  const form = formView({
    fields: [],
    intro: h('p', {}, words),
    submitLabel: label,
    danger: true,
    cancel: true,
    submit: act,
  });
  const dialog = dialogAround(title, form);
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    then(detail);
  });
}

function showToken(moduleId, token) {
  showSecret({ title: t('token.title'), words: t('token.words', { id: moduleId }), label: t('token.label'), secret: token });
}

/** Shows what is shown once only, to be copied. */
export function showSecret({ title, words, label, secret }) {
  const field = h('input', {
    type: 'text',
    readonly: true,
    value: secret,
    class: 'token',
    'aria-label': label,
    spellcheck: 'false',
    onfocus: () => field.select(),
  });
  const copy = h(
    'button',
    { type: 'button', class: 'button primary', autofocus: true, onclick: () => copyToken(field, copy) },
    icon('copy'),
    h('span', {}, t('token.copy')),
  );
  openDialog(
    title,
    h('p', {}, words),
    h('div', { class: 'token-row' }, field, copy),
    h('p', { class: 'form-alert quiet-alert' }, t('token.once')),
  );
}

async function copyToken(field, button) {
  field.select();
  const copied =
    (await navigator.clipboard?.writeText(field.value).then(
      () => true,
      () => false,
    )) ?? document.execCommand('copy');
  button.querySelector('span').textContent = t(copied ? 'token.copied' : 'token.copyByHand');
}

function dialogAround(title, form) {
  const dialog = openDialog(title, form);
  form.addEventListener('cancel', () => dialog.close());
  return dialog;
}

function namedFields({ name, type }) {
  return [
    { name: 'name', label: t('module.name'), value: name, required: true },
    { name: 'type', label: t('module.type'), value: type, required: true, hint: t('module.typeExample') },
  ];
}
