import { formatValue, humanise, inOrder } from '../lib/format.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { message } from './data-table.js';
import { sparkline } from './spark-line.js';
import { glow } from './table-rows.js';

const KEPT = 60;
/** More keys are shown when somebody asks for them. */
const FEW = 15;

/**
 * The latest telemetry of one module, a card for each key, the first few of many; what changes glows. Numbers draw the line of what this tab has seen.
 *
 *     board.telemetry = { temperature: 21.5 };
 */
class TelemetryBoard extends HTMLElement {
  #cards = new Map();
  #shown = null;
  #isWhole = false;
  #more = h('button', { type: 'button', class: 'button small', onclick: () => this.#unfold() });

  set telemetry(telemetry) {
    const keys = inOrder(Object.keys(telemetry));
    if (!this.#shown || keys.join('\n') !== this.#shown.join('\n')) this.#arrange(keys);
    for (const key of keys) this.#cards.get(key).show(telemetry[key]);
  }

  #arrange(keys) {
    this.#shown = keys;
    for (const key of keys) if (!this.#cards.has(key)) this.#cards.set(key, new Card(key));
    const shown = this.#isWhole || keys.length <= FEW + 1 ? keys : keys.slice(0, FEW);
    this.#more.textContent = t('telemetry.more', { count: keys.length });
    this.replaceChildren(
      ...shown.map((key) => this.#cards.get(key).element),
      keys.length ? '' : message('signal', t('telemetry.none'), t('telemetry.noneHint')),
      shown.length < keys.length ? h('div', { class: 'gauge-more' }, this.#more) : '',
    );
  }

  // The focus goes on with what has come to light.
  #unfold() {
    this.#isWhole = true;
    this.#arrange(this.#shown);
    const first = this.#cards.get(this.#shown[FEW]).element;
    first.tabIndex = -1;
    first.focus();
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
    this.#value.title = typeof value === 'string' ? value : '';
    this.#value.dataset.kind = value === null ? 'null' : typeof value;
    if (!first) glow(this.element);
    if (typeof value !== 'number') return;
    this.#seen = [...this.#seen, value].slice(-KEPT);
    this.#line.replaceChildren(sparkline(this.#seen));
  }
}

customElements.define('telemetry-board', TelemetryBoard);
