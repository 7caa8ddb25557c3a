import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { stopsInForce } from '../lib/live_stops.js';
import { progressWords, scopeName } from './stop-words.js';

/** Says on every page which emergency stops are in force, until somebody clears them, and leads to them. */
class StopBanner extends HTMLElement {
  #abort = null;
  #words = h('p', { class: 'stop-banner-words', role: 'status' });
  #progress = h('span', { class: 'numbers' });

  connectedCallback() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const link = h('a', { class: 'button small', href: '/stops' }, t('stop.banner.link'));
    this.replaceChildren(icon('warning'), this.#words, this.#progress, location.pathname === '/stops' ? '' : link);
    for (const name of ['changed', 'progress']) stopsInForce.addEventListener(name, () => this.#render(), { signal });
    this.#render();
  }

  disconnectedCallback() {
    this.#abort.abort();
  }

  #render() {
    const { stops } = stopsInForce;
    this.hidden = !stops.length;
    const words = stops.length ? t('stop.banner', { count: stops.length, name: scopeName(stops[0]) }) : '';
    if (this.#words.textContent !== words) this.#words.textContent = words;
    this.#progress.textContent = stops.length === 1 ? progressWords(stops[0]) : '';
  }
}

customElements.define('stop-banner', StopBanner);
