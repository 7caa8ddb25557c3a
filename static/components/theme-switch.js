import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { remember } from '../lib/preferences.js';

const system = matchMedia('(prefers-color-scheme: dark)');

/** A button that changes between dark and light; the choice is kept, the system's stands until one is made. */
class ThemeSwitch extends HTMLElement {
  #abort = null;

  connectedCallback() {
    this.#abort = new AbortController();
    system.addEventListener('change', () => this.#render(), { signal: this.#abort.signal });
    this.#render();
  }

  disconnectedCallback() {
    this.#abort.abort();
  }

  #render() {
    const other = isDark() ? 'light' : 'dark';
    const label = t(`theme.${other}`);
    const focused = this.contains(document.activeElement);
    const button = h(
      'button',
      { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick: () => this.#choose(other) },
      icon(other === 'light' ? 'sun' : 'moon'),
    );
    this.replaceChildren(button);
    if (focused) button.focus();
  }

  #choose(theme) {
    document.documentElement.dataset.theme = theme;
    remember('theme', theme);
    this.#render();
    dispatchEvent(new Event('carillon:theme'));
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : system.matches;
}

customElements.define('theme-switch', ThemeSwitch);

/** Calls `work` when the colours change, by the switch or by the system. @param {AbortSignal} signal */
export function whenThemeChanges(work, signal) {
  addEventListener('carillon:theme', work, { signal });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', work, { signal });
}
