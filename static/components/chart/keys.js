import { formatMoment, formatValue, humanise } from '../../lib/format.js';
import { h } from '../../lib/dom.js';
import { t } from '../../lib/i18n.js';
import { AXES } from './plot.js';

/** Each has a colour and a dash of its own. */
const MOST = 6;
const COLUMNS = ['value', 'low', 'mean', 'high'];

/** The table below a chart: which keys are shown, in which colour, and what their values come to. */
export class ChartKeys {
  #choose;
  #usual = [];
  #rows = new Map();
  #body = h('tbody');
  #hint = h('p', { class: 'quiet chart-most', role: 'status' });

  /** @param {() => void} choose Told when somebody chooses. */
  constructor(choose) {
    this.#choose = choose;
    const head = COLUMNS.map((column) => h('th', { scope: 'col', class: `numbers ${column}` }, t(`chart.${column}`)));
    const table = h(
      'table',
      { class: 'chart-table compact' },
      h('caption', { class: 'visually-hidden' }, t('chart.table')),
      h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('chart.key')), head)),
      this.#body,
    );
    this.element = h('div', { class: 'chart-keys' }, h('div', { class: 'chart-scroll', tabindex: '0', role: 'region', 'aria-label': t('chart.table') }, table), this.#hint);
  }

  /** The keys that can be chosen, those that somebody asked for, and those that are shown when nobody did. */
  offer(keys, asked, usual) {
    this.#usual = usual;
    this.#rows = new Map(keys.map((key) => [key, this.#row(key)]));
    this.#body.replaceChildren(...[...this.#rows.values()].map(({ element }) => element));
    const known = asked.filter((key) => this.#rows.has(key));
    for (const key of (known.length ? known : usual).slice(0, MOST)) this.#rows.get(key).box.checked = true;
    this.#mark();
  }

  get chosen() {
    return [...this.#rows].filter(([, { box }]) => box.checked).map(([key]) => key);
  }

  /** Whether nobody chose otherwise. */
  get isUsual() {
    return this.chosen.toSorted().join('\n') === this.#usual.toSorted().join('\n');
  }

  /** Shows the figures. @param {(key: string) => {value: object, low: number, mean: number, high: number}} figures */
  show(figures) {
    for (const [key, { box, cells }] of this.#rows) {
      const { value, low, mean, high } = box.checked ? figures(key) : {};
      const words = { value: value?.mid, low, mean, high };
      for (const column of COLUMNS) cells[column].textContent = words[column] === undefined ? '–' : formatValue(words[column]);
      cells.value.title = value ? formatMoment(value.ts) : '';
    }
  }

  /** Marks the keys whose line stands on a scale that has no axis. @param {Map<string, string>} scales */
  markScales(scales) {
    const withAxis = [...new Set(scales.values())].slice(0, AXES);
    for (const [key, { note }] of this.#rows) note.hidden = !scales.has(key) || withAxis.includes(scales.get(key));
  }

  #row(key) {
    const box = h('input', { type: 'checkbox', onchange: () => this.#changed() });
    const swatch = h('span', { class: 'swatch', 'aria-hidden': 'true' });
    const cells = Object.fromEntries(COLUMNS.map((column) => [column, h('td', { class: `numbers ${column}` }, '–')]));
    const note = h('span', { class: 'chart-note quiet', title: t('chart.ownScaleWords'), hidden: true }, t('chart.ownScale'));
    const name = h('th', { scope: 'row', title: key }, h('label', {}, box, swatch, h('span', {}, humanise(key))), note);
    return { element: h('tr', { 'data-key': key }, name, Object.values(cells)), box, swatch, note, cells };
  }

  #changed() {
    this.#mark();
    this.#choose();
  }

  // The colours go by the place among the chosen.
  #mark() {
    const { chosen } = this;
    for (const [key, { box, swatch, note }] of this.#rows) {
      const place = chosen.indexOf(key) + 1;
      if (place) swatch.dataset.series = place;
      else delete swatch.dataset.series;
      if (!place) note.hidden = true;
      box.disabled = !box.checked && chosen.length >= MOST;
    }
    this.#hint.textContent = chosen.length >= MOST ? t('chart.most', { count: MOST }) : '';
  }
}

/** Keys as they stand in an address; any letter may be in one. */
export function keysText(keys) {
  return keys.map(encodeURIComponent).join(',');
}

/** The keys that `keysText` wrote; none where it did not. */
export function keysIn(text) {
  try {
    return text.split(',').filter(Boolean).map(decodeURIComponent);
  } catch {
    return [];
  }
}
