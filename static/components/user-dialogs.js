import { api, userPath } from '../lib/api.js';
import { t } from '../lib/i18n.js';
import { formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { confirmed } from './module-dialogs.js';
import { toast } from './toast-stack.js';

/** Shortest password that the forms accept. */
export const PASSWORD_LENGTH = 10;

/** Asks for a new account and makes it. */
export function addUser(then) {
  const password = {
    name: 'password',
    label: t('user.password'),
    type: 'password',
    required: true,
    minLength: PASSWORD_LENGTH,
    autocomplete: 'new-password',
  };
  userForm({
    title: t('user.add'),
    fields: [...personFields({ name: '', email: '', roles: [] }), password],
    submit: ({ role, ...values }) => api.post('/users', { ...values, roles: [role] }),
    then: (user) => said(t('user.added', { name: user.name }), then),
  });
}

/** Changes an account; an empty password stays as it is. */
export function editUser(user, then) {
  const password = {
    name: 'password',
    label: t('user.newPassword'),
    type: 'password',
    minLength: PASSWORD_LENGTH,
    hint: t('user.passwordKept'),
    autocomplete: 'new-password',
  };
  const disabled =
    'disabled' in user ? [{ name: 'disabled', label: t('user.disabled'), type: 'checkbox', value: user.disabled }] : [];
  userForm({
    title: t('user.editNamed', { name: user.name }),
    fields: [...personFields(user), password, ...disabled],
    submit: (values) => api.patch(userPath(user.id), changesOf(user, values)),
    then: () => said(t('user.changed', { name: user.name }), then),
  });
}

/** Asks whether an account shall go, and lets it go. */
export function deleteUser(user, then) {
  confirmed({
    title: t('user.deleteNamed', { name: user.name }),
    words: t('user.deleteWords', { email: user.email }),
    label: t('action.delete'),
    act: () => api.remove(userPath(user.id)),
    then: () => said(t('user.deleted', { name: user.name }), then),
  });
}

function userForm({ title, fields, submit, then }) {
  const form = formView({ fields, submitLabel: t('action.save'), cancel: true, submit });
  const dialog = openDialog(title, form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    then(detail);
  });
}

function personFields({ name, email, roles }) {
  const options = ['user', 'admin'].map((role) => ({ value: role, label: t(`role.${role}`) }));
  return [
    { name: 'name', label: t('user.name'), value: name, required: true },
    { name: 'email', label: t('user.email'), type: 'email', value: email, required: true },
    { name: 'role', label: t('user.role'), type: 'select', value: roles.includes('admin') ? 'admin' : 'user', options },
  ];
}

function changesOf(user, { role, password, ...values }) {
  const changes = Object.fromEntries(Object.entries(values).filter(([name, value]) => user[name] !== value));
  if (!user.roles.includes(role)) changes.roles = [role];
  if (password) changes.password = password;
  return changes;
}

function said(words, then) {
  toast(words, 'good');
  then();
}
