import { formView } from '../components/form-view.js';
import { toast } from '../components/toast-stack.js';
import { PASSWORD_LENGTH } from '../components/user-dialogs.js';
import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import '../components/connection-facts.js';

/** One's own account: name, password, logout. */
class AccountPage extends HTMLElement {
  connectedCallback() {
    const { email, roles = [] } = session.user;
    const out = h(
      'button',
      { type: 'button', class: 'button', onclick: () => this.#logOut() },
      icon('logout'),
      h('span', {}, t('account.logout')),
    );
    const who = h('p', { class: 'summary' }, email, ' · ', roles.map((role) => t(`role.${role}`)).join(', '));
    this.replaceChildren(
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.account')), who), out),
      h(
        'div',
        { class: 'account-grid' },
        h('section', { class: 'card' }, h('h2', {}, t('account.profile')), profileForm()),
        h('section', { class: 'card' }, h('h2', {}, t('account.password')), passwordForm()),
        h('section', { class: 'card' }, h('h2', {}, t('account.connection')), h('connection-facts')),
      ),
    );
  }

  async #logOut() {
    await session.logOut().catch(() => toast(t('error.unreachable'), 'bad'));
  }
}

function profileForm() {
  const form = formView({
    fields: [
      { name: 'name', label: t('user.name'), value: session.user.name, required: true, autocomplete: 'name' },
      { name: 'email', label: t('user.email'), type: 'email', value: session.user.email, required: true },
    ],
    submitLabel: t('action.save'),
    submit: (values) => api.patch('/auth/me', values),
  });
  form.addEventListener('done', ({ detail }) => {
    session.update(detail);
    toast(t('account.saved'), 'good');
  });
  return form;
}

function passwordForm() {
  const form = formView({
    intro: h('p', { class: 'quiet' }, t('account.passwordWords')),
    fields: [
      {
        name: 'currentPassword',
        label: t('account.current'),
        type: 'password',
        required: true,
        autocomplete: 'current-password',
      },
      {
        name: 'newPassword',
        label: t('user.newPassword'),
        type: 'password',
        required: true,
        minLength: PASSWORD_LENGTH,
        autocomplete: 'new-password',
      },
    ],
    submitLabel: t('account.change'),
    submit: (values) => api.post('/auth/password', values, { expectUnknown: true }),
    explain: (error) => ([401, 403].includes(error.status) ? t('account.wrong') : null),
  });
  form.addEventListener('done', () => {
    form.clear();
    toast(t('account.changed'), 'good');
  });
  return form;
}

customElements.define('account-page', AccountPage);
