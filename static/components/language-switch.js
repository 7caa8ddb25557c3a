import { h } from '../lib/dom.js';
import { chooseLanguage, currentLanguage, LANGUAGES, t } from '../lib/i18n.js';

/** A button for each language; the page is drawn anew in the chosen one. */
class LanguageSwitch extends HTMLElement {
  connectedCallback() {
    this.replaceChildren(
      h('div', { class: 'segments', role: 'group', 'aria-label': t('language.label') }, LANGUAGES.map(button)),
    );
  }
}

function button({ code, name }) {
  const chosen = code === currentLanguage();
  return h(
    'button',
    {
      type: 'button',
      lang: code,
      title: name,
      'aria-pressed': String(chosen),
      'data-language': code,
      onclick: () => choose(code),
    },
    code.toUpperCase(),
    h('span', { class: 'visually-hidden' }, ` ${name}`),
  );
}

function choose(code) {
  chooseLanguage(code);
  document.querySelector(`language-switch [data-language="${code}"]`)?.focus();
}

customElements.define('language-switch', LanguageSwitch);
