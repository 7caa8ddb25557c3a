import { formatValue, humanise } from '../lib/format.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { message } from './data-table.js';
import { sparkline } from './spark-line.js';
import { glow } from './table-rows.js';

const KEPT = 60;

/**
 * The latest telemetry of one module, a card for each key; what changes glows. Numbers draw the line of what this tab has seen.
 *
 *     board.telemetry = { temperature: 21.5 };
 */
class TelemetryBoard extends HTMLElement {
  #cards = new Map();
  #shown = null;

  set telemetry(telemetry) {
    const keys = Object.keys(telemetry);
    if (!this.#shown || keys.join('\n') !== this.#shown.join('\n')) this.#arrange(keys);
    for (const key of keys) this.#cards.get(key).show(telemetry[key]);
  }

  #arrange(keys) {
    this.#shown = keys;
    for (const key of keys) if (!this.#cards.has(key)) this.#cards.set(key, new Card(key));
    this.replaceChildren(
      ...(keys.length
        ? keys.map((key) => this.#cards.get(key).element)
        : [message('signal', t('telemetry.none'), t('telemetry.noneHint'))]),
    );
  }
}

/** One key: its name, its value, and the line of its last values. */
class Card {
  #value = h('p', { class: 'gauge-value numbers' });
  #line = h('div', { class: 'gauge-line' });
  #seen = [];
  #last = undefined;

  constructor(key) {
    this.element = h(
      'article',
      { class: 'card gauge', 'data-key': key },
      h('h3', { title: key }, humanise(key)),
      this.#value,
      this.#line,
    );
  }

  show(value) {
    if (value === this.#last) return;
    const first = this.#last === undefined;
    this.#last = value;
    this.#value.textContent = formatValue(value);
    this.#value.dataset.kind = value === null ? 'null' : typeof value;
    if (!first) glow(this.element);
    if (typeof value !== 'number') return;
    this.#seen = [...this.#seen, value].slice(-KEPT);
    this.#line.replaceChildren(sparkline(this.#seen));
  }
}

customElements.define('telemetry-board', TelemetryBoard);
