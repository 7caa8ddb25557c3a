import { message } from '../components/data-table.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';

/** What is shown at an address where nothing is, or nothing that one may see. */
class LostPage extends HTMLElement {
  connectedCallback() {
    const home = h('a', { class: 'button', href: '/modules' }, t('lost.home'));
    this.replaceChildren(
      h('h1', { class: 'visually-hidden' }, t('title.lost')),
      message('search', t('lost.title'), t('lost.words'), home),
    );
  }
}

customElements.define('lost-page', LostPage);
