import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { hasWords, t } from '../lib/i18n.js';
import { session } from '../lib/session.js';

const SETTLE_MS = 800;

/**
 * Says whether what is on the page is live. A lamp in the header always does; a bar with the countdown and a button
 * appears only when it is not.
 *
 * `data-state` is the state of the connection: `connecting`, `live`, `reconnecting`, `offline` or `ended`.
 */
class ConnectionBanner extends HTMLElement {
  #stop = null;
  #ticker = null;
  #words = h('p', { class: 'banner-words', role: 'status', 'aria-live': 'polite' });
  #countdown = h('span', { class: 'banner-countdown numbers' });
  #button = h('button', { type: 'button', class: 'button small', onclick: () => session.hub?.reconnect() });

  connectedCallback() {
    this.replaceChildren(icon('signal'), this.#words, this.#countdown, this.#button);
    this.#stop = session.hub?.on('state', () => this.#render());
    this.#ticker = setInterval(() => this.#tick(), 250);
    this.#render();
  }

  disconnectedCallback() {
    this.#stop?.();
    clearInterval(this.#ticker);
  }

  #render() {
    const { state, reason } = session.hub?.change ?? { state: 'idle' };
    this.dataset.state = state;
    document.querySelector('.lamp')?.replaceWith(lamp(state));
    this.#button.textContent = t('connection.retry');
    const calm = state === 'live' || state === 'idle';
    if (calm) this.hidden = true;
    else
      setTimeout(
        () => {
          this.hidden = this.dataset.state === 'live' || this.dataset.state === 'idle';
        },
        state === 'connecting' ? SETTLE_MS : 0,
      );
    this.#words.textContent = calm ? '' : wordsFor(state, reason);
    this.#tick();
  }

  #tick() {
    const { state, retryAt, attempt, maxAttempts } = session.hub?.change ?? {};
    const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
    const counted = state === 'reconnecting' ? 'connection.attempt' : 'connection.later';
    const words = retryAt ? t(counted, { seconds, attempt, most: maxAttempts }) : '';
    if (this.#countdown.textContent !== words) this.#countdown.textContent = words;
  }
}

function wordsFor(state, reason) {
  const special = `connection.${state}.${reason}`;
  return t(hasWords(special) ? special : `connection.${state}.words`);
}

/** The lamp: a dot and a word. */
export function lamp(state = session.hub?.state ?? 'idle') {
  return h(
    'span',
    { class: 'lamp', 'data-state': state },
    h('span', { class: 'lamp-dot', 'aria-hidden': 'true' }),
    t(`connection.${state}`),
  );
}

customElements.define('connection-banner', ConnectionBanner);
