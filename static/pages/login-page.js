import { formView } from '../components/form-view.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';

/** Where one logs in. The shell leaves it as soon as the session begins. */
class LoginPage extends HTMLElement {
  connectedCallback() {
    const form = formView({
      fields: [
        { name: 'email', label: t('user.email'), type: 'email', required: true, autocomplete: 'username' },
        {
          name: 'password',
          label: t('user.password'),
          type: 'password',
          required: true,
          autocomplete: 'current-password',
        },
      ],
      submitLabel: t('login.submit'),
      submit: ({ email, password }) => session.logIn(email, password),
      explain: (error) => (error.status === 401 ? t('login.wrong') : null),
    });
    this.replaceChildren(gate(t('login.title'), t('login.words'), form));
    this.querySelector('input').focus();
  }
}

/** The frame of the pages outside: what Carillon is, and one form. */
export function gate(title, words, content) {
  const bells = h(
    'div',
    { class: 'gate-bells', 'aria-hidden': 'true' },
    Array.from({ length: 13 }, () => h('span')),
  );
  return h(
    'div',
    { class: 'gate' },
    bells,
    h(
      'section',
      { class: 'card gate-card' },
      icon('bell'),
      h('h1', {}, title),
      h('p', { class: 'quiet' }, words),
      content,
    ),
  );
}

customElements.define('login-page', LoginPage);
