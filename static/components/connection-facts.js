import { formatNumber } from '../lib/format.js';
import { h, replaceIfChanged } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';

const EVERY_MS = 1000;

/** How this tab's connection has fared: the counters that the client library keeps. */
class ConnectionFacts extends HTMLElement {
  #timer = null;
  #values = new Map();

  connectedCallback() {
    const rows = ['state', 'transport', 'received', 'reconnections', 'lastReconnectMs', 'replayed', 'failures'].map(
      (name) => {
        const value = h('dd', { class: 'numbers' });
        this.#values.set(name, value);
        return h('div', {}, h('dt', {}, t(`facts.${name}`)), value);
      },
    );
    this.replaceChildren(h('dl', { class: 'facts' }, rows));
    this.#timer = setInterval(() => this.#render(), EVERY_MS);
    this.#render();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  #render() {
    if (!session.hub) return;
    const { state, statistics } = session.hub;
    const { transport } = session.hub.change;
    const shown = {
      ...statistics,
      state: t(`connection.${state}`),
      transport: transport && t(`transport.${transport}`),
    };
    for (const [name, value] of this.#values) replaceIfChanged(value, words(name, shown[name]));
  }
}

function words(name, value) {
  if (value === null || value === undefined) return '–';
  if (name === 'lastReconnectMs') return `${formatNumber(value / 1000, 2)} s`;
  return typeof value === 'number' ? formatNumber(value) : value;
}

customElements.define('connection-facts', ConnectionFacts);
