import { formatDuration, formatNumber, humanise } from '../lib/format.js';
import { coalesced, h, replaceIfChanged } from '../lib/dom.js';
import { hasWords, t } from '../lib/i18n.js';
import { sparkline } from './spark-line.js';
import { glow } from './table-rows.js';

const KEPT = 60;
const FIRST = [
  'onlineModules',
  'activeUsers',
  'connections',
  'eventsPerSecond',
  'deliveriesPerSecond',
  'telemetryPerSecond',
];
const BESIDE = { onlineModules: 'totalModules', activeUsers: 'totalUsers' };
const HIDDEN = new Set(['epoch', ...Object.values(BESIDE)]);

/**
 * The figures of the hub as tiles: the telling ones first and large, with the line of the last minute; every other number
 * that the hub sends follows in small, known or not.
 *
 *     board.show(stats);
 */
class StatBoard extends HTMLElement {
  #stats = null;
  #tiles = new Map();
  #large = h('div', { class: 'stats' });
  #small = h('dl', { class: 'stats-small card' });
  #draw = coalesced(() => this.#render(), 200);

  connectedCallback() {
    this.replaceChildren(this.#large, this.#small);
  }

  /** @param {Record<string, unknown>} stats */
  show(stats) {
    this.#stats = { ...this.#stats, ...stats };
    for (const key of FIRST) if (typeof stats[key] === 'number') this.#tile(key).remember(stats[key]);
    this.#draw();
  }

  #tile(key) {
    if (!this.#tiles.has(key)) this.#tiles.set(key, new Tile(key));
    return this.#tiles.get(key);
  }

  #render() {
    const shown = FIRST.filter((key) => this.#tiles.has(key));
    if (this.#large.children.length !== shown.length)
      this.#large.replaceChildren(...shown.map((key) => this.#tiles.get(key).element));
    for (const key of shown) this.#tiles.get(key).draw(this.#stats[BESIDE[key]]);
    const rest = flatten(this.#stats).filter(([key]) => !FIRST.includes(key) && !HIDDEN.has(key));
    replaceRows(this.#small, rest);
  }
}

/** A large figure with its line. */
class Tile {
  #value = h('span', { class: 'stat-value numbers' });
  #beside = h('span', { class: 'stat-beside numbers' });
  #line = h('div', { class: 'stat-line' });
  #values = [];
  #shown = null;
  /** A rate changes all the time; glowing would tell nothing. */
  #isCount;

  constructor(key) {
    this.#isCount = !key.endsWith('PerSecond');
    this.element = h(
      'article',
      { class: 'card stat', 'data-stat': key },
      h('h3', {}, label(key)),
      h('p', {}, this.#value, this.#beside),
      this.#line,
    );
  }

  remember(value) {
    this.#values = [...this.#values, value].slice(-KEPT);
  }

  draw(whole) {
    const words = formatNumber(this.#values.at(-1), 1);
    if (this.#isCount && this.#shown !== null && this.#shown !== words) glow(this.element);
    this.#shown = words;
    this.#value.textContent = words;
    this.#beside.textContent = whole === undefined ? '' : ` / ${formatNumber(whole)}`;
    this.#line.replaceChildren(sparkline(this.#values));
  }
}

function flatten(stats, above = '') {
  return Object.entries(stats).flatMap(([key, value]) => {
    const name = above ? `${above}.${key}` : key;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) return flatten(value, name);
    return typeof value === 'number' ? [[name, value]] : [];
  });
}

function replaceRows(list, entries) {
  if (list.children.length !== entries.length) {
    list.replaceChildren(
      ...entries.map(([key]) => h('div', { 'data-stat': key }, h('dt', {}, label(key)), h('dd', { class: 'numbers' }))),
    );
  }
  entries.forEach(([key, value], at) => {
    const row = list.children[at];
    if (row.dataset.stat !== key)
      row.replaceWith(h('div', { 'data-stat': key }, h('dt', {}, label(key)), h('dd', { class: 'numbers' })));
    replaceIfChanged(
      list.children[at].lastChild,
      key === 'uptimeSeconds' ? formatDuration(value) : formatNumber(value, 1),
    );
  });
}

function label(key) {
  return hasWords(`stat.${key}`) ? t(`stat.${key}`) : key.split('.').map(humanise).join(' · ');
}

customElements.define('stat-board', StatBoard);
