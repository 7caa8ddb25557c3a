import { api } from '../lib/api.js';
import { h, paced } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { followAlarms } from '../lib/live_alarms.js';

/** Events tell of every change; this mends what nobody foresaw. */
const LOOK_MS = 300000;

/** How many alarms nobody has seen to, and the way to them. */
class AlarmBell extends HTMLElement {
  #abort = null;
  #leave = null;
  #looks = 0;
  /** The look of which the answer is shown. */
  #shown = 0;
  #count = h('span', { class: 'bell-count numbers', hidden: true, 'aria-hidden': 'true' });
  #words = h('span', { class: 'visually-hidden', role: 'status' });
  #soon = paced(() => this.#look(), 100, 1000);

  connectedCallback() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#words.textContent = t('alarm.bell.none');
    this.replaceChildren(
      h('a', { class: 'icon-button', href: '/alarms', title: t('title.alarms'), 'aria-current': location.pathname === '/alarms' ? 'page' : null }, icon('alarm'), this.#count, this.#words),
    );
    this.#leave = followAlarms(() => this.#soon());
    document.addEventListener('visibilitychange', () => this.#soon(), { signal });
    const timer = setInterval(() => this.#soon(), LOOK_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
    this.#look();
  }

  disconnectedCallback() {
    this.#abort.abort();
    this.#leave();
  }

  async #look() {
    if (!this.isConnected || document.hidden) return;
    const { signal } = this.#abort;
    const look = (this.#looks += 1);
    // What is shown stays where nobody answers; the banner of the connection tells.
    const found = await api.get('/alarms', { query: { state: 'active', perPage: 1 }, signal }).catch(() => null);
    // A slow answer may come behind a newer one.
    if (found && !signal.aborted && look > this.#shown) {
      this.#shown = look;
      this.#show(found.active);
    }
  }

  #show(active) {
    this.#count.hidden = active === 0;
    this.#count.textContent = active > 99 ? '99+' : String(active);
    const words = active ? t('alarm.bell', { count: active }) : t('alarm.bell.none');
    if (this.#words.textContent !== words) this.#words.textContent = words;
  }
}

customElements.define('alarm-bell', AlarmBell);
