import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { lamp } from './connection-banner.js';
import './alarm-bell.js';
import './language-switch.js';
import './stop-banner.js';
import './theme-switch.js';
import './toast-stack.js';

/**
 * What stands around every page: the way to the content, brand, navigation, switches, connection banner, notices, and the way to what
 * programmers read.
 *
 *     shell.show(h('modules-page'), 'modules');
 */
class AppShell extends HTMLElement {
  /** Draws the frame for a page. @param {HTMLElement} page @param {string} name */
  show(page, name) {
    const main = h('main', { id: 'content', tabindex: '-1' }, page);
    const toasts = this.querySelector('toast-stack') ?? h('toast-stack');
    this.dataset.page = name;
    this.replaceChildren(
      skipLink(main),
      this.#header(name),
      session.user ? banners() : '',
      main,
      foot(),
      toasts,
    );
  }

  #header(name) {
    const inside = Boolean(session.user);
    return h(
      'header',
      { class: 'shell-head' },
      h('a', { class: 'brand', href: '/' }, icon('bell'), h('span', {}, 'Carillon')),
      inside && h('nav', { class: 'shell-nav', 'aria-label': t('nav.label') }, links(name)),
      h('div', { class: 'shell-tools' }, inside && lamp(), inside && h('alarm-bell'), h('language-switch'), h('theme-switch')),
    );
  }
}

function links(name) {
  const places = [
    ['modules', 'modules'],
    ...(session.user.isAdmin ? [['admin', 'admin']] : []),
    ['account', 'account'],
  ];
  return places.map(([place, symbol]) => {
    const here = place === name || (place === 'modules' && ['module', 'stops'].includes(name)) || (place === 'admin' && ['retention', 'webhooks'].includes(name));
    return h(
      'a',
      { href: `/${place}`, 'aria-current': here ? 'page' : null },
      icon(symbol),
      h('span', {}, t(`nav.${place}`)),
    );
  });
}

function banners() {
  return h(
    'div',
    { class: 'shell-banners' },
    h('connection-banner', { role: 'region', 'aria-label': t('connection.label') }),
    h('stop-banner', { role: 'region', 'aria-label': t('stop.banner.label'), hidden: true }),
  );
}

function foot() {
  return h(
    'footer',
    { class: 'shell-foot' },
    h('nav', { 'aria-label': t('nav.more') }, [
      h('a', { href: '/client' }, t('nav.client')),
      // Another application: loaded anew.
      h('a', { href: '/docs', target: '_self' }, t('nav.api')),
    ]),
  );
}

function skipLink(main) {
  const skip = (event) => {
    event.preventDefault();
    main.focus();
  };
  return h('a', { class: 'skip', href: '#content', onclick: skip }, t('nav.skip'));
}

customElements.define('app-shell', AppShell);
