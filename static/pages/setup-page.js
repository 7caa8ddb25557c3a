import { formView } from '../components/form-view.js';
import { message } from '../components/data-table.js';
import { PASSWORD_LENGTH } from '../components/user-dialogs.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { gate } from './login-page.js';

/**
 * Where the first admin is made. The one-time token comes in the fragment (`/setup#<token>`), which browsers send to
 * nobody; it is taken out of the address at once.
 */
class SetupPage extends HTMLElement {
  #token = '';

  connectedCallback() {
    this.#token = location.hash.slice(1) || history.state?.setupToken || '';
    if (location.hash) history.replaceState({ setupToken: this.#token }, '', location.pathname);
    const content = this.#token
      ? this.#form()
      : message(
          'key',
          t('setup.noToken'),
          t('setup.noTokenHint'),
          h('a', { class: 'button', href: '/login' }, t('login.submit')),
        );
    this.replaceChildren(gate(t('setup.title'), t('setup.words'), content));
    this.querySelector('input')?.focus();
  }

  #form() {
    return formView({
      fields: [
        { name: 'name', label: t('user.name'), required: true, autocomplete: 'name' },
        { name: 'email', label: t('user.email'), type: 'email', required: true, autocomplete: 'username' },
        {
          name: 'password',
          label: t('user.password'),
          type: 'password',
          required: true,
          minLength: PASSWORD_LENGTH,
          autocomplete: 'new-password',
        },
      ],
      submitLabel: t('setup.submit'),
      submit: (values) => session.setUp(this.#token, values),
      explain: (error) => ([401, 403, 404, 409, 410].includes(error.status) ? t('setup.spent') : null),
    });
  }
}

customElements.define('setup-page', SetupPage);
