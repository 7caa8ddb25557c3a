import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';

const SHOWN_MS = 6000;
const MOST = 4;

/**
 * Short notices in a corner, read out by screen readers. One stands in the shell; `toast` speaks to it.
 */
class ToastStack extends HTMLElement {
  connectedCallback() {
    this.setAttribute('role', 'status');
    this.setAttribute('aria-live', 'polite');
  }

  /** @param {string} words @param {'good' | 'bad' | 'plain'} tone */
  say(words, tone) {
    const close = h(
      'button',
      { type: 'button', class: 'icon-button', 'aria-label': t('action.dismiss'), onclick: () => toast.remove() },
      icon('close'),
    );
    const toast = h(
      'div',
      { class: `toast ${tone}` },
      icon(tone === 'bad' ? 'warning' : tone === 'good' ? 'check' : 'bell'),
      h('p', {}, words),
      close,
    );
    this.append(toast);
    while (this.children.length > MOST) this.firstChild.remove();
    this.#leaveLater(toast);
  }

  #leaveLater(toast) {
    let timer = setTimeout(() => toast.remove(), SHOWN_MS);
    toast.addEventListener('mouseenter', () => clearTimeout(timer));
    toast.addEventListener('mouseleave', () => {
      timer = setTimeout(() => toast.remove(), SHOWN_MS / 2);
    });
  }
}

customElements.define('toast-stack', ToastStack);

/** Shows a notice. */
export function toast(words, tone = 'plain') {
  document.querySelector('toast-stack')?.say(words, tone);
}
