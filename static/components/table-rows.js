import { h, reducedMotion, replaceIfChanged } from '../lib/dom.js';

const FLASH_MS = 900;
/** When more rows change at once, glowing tells nothing and costs much. */
const MOST_GLOWING = 12;

/**
 * The rows of a data table, kept by id: a row that stays keeps its element, and with it the focus.
 *
 * Changes are gathered by `patch` and drawn by `flush`, however many there were.
 */
export class TableRows {
  #body;
  #columns;
  #id;
  #rows = new Map();
  #dirty = new Set();

  constructor(body, columns, id) {
    this.#body = body;
    this.#columns = columns;
    this.#id = id;
  }

  /** How many rows are shown. */
  get size() {
    return this.#rows.size;
  }

  /** Shows grey bars in place of rows. */
  skeleton(count) {
    this.#rows.clear();
    const cells = () => this.#columns.map(({ kind }) => h('td', { class: kind }, h('span', { class: 'bone' })));
    this.#body.replaceChildren(
      ...Array.from({ length: count }, () => h('tr', { class: 'skeleton', 'aria-hidden': 'true' }, cells())),
    );
  }

  /** Shows these rows, in this order. */
  replace(items) {
    const before = this.#rows;
    this.#rows = new Map();
    this.#dirty.clear();
    for (const item of items) {
      const id = this.#id(item);
      const row = before.get(id) ?? this.#newRow(id);
      row.item = item;
      this.#rows.set(id, row);
      this.#draw(row, false);
    }
    this.#arrange([...this.#rows.values()].map(({ element }) => element));
  }

  /** Changes what is known of a row. */
  patch(id, change) {
    const row = this.#rows.get(id);
    if (!row) return false;
    row.item = { ...row.item, ...change };
    this.#dirty.add(row);
    return true;
  }

  /** Draws the rows that changed. */
  flush() {
    const calm = this.#dirty.size <= MOST_GLOWING;
    for (const row of this.#dirty) this.#draw(row, calm);
    this.#dirty.clear();
  }

  /** Draws all rows anew. */
  redraw() {
    for (const row of this.#rows.values()) this.#draw(row, false);
  }

  #newRow(id) {
    const cells = this.#columns.map(({ label, kind }) => h('td', { class: kind, 'data-label': label }));
    return { element: h('tr', { 'data-id': id }, cells), cells, item: null };
  }

  #draw({ cells, item }, flash) {
    this.#columns.forEach((column, at) => {
      const before = cells[at].firstChild;
      const changed = replaceIfChanged(cells[at], column.render(item));
      if (changed && flash && column.live) changedParts(cells[at], before).forEach(glow);
    });
  }

  // Elements already in place are not moved: moving one would take its focus away.
  #arrange(elements) {
    const wanted = new Set(elements);
    for (const child of [...this.#body.children]) if (!wanted.has(child)) child.remove();
    elements.forEach((element, at) => {
      if (this.#body.children[at] !== element) this.#body.insertBefore(element, this.#body.children[at] ?? null);
    });
  }
}

// Of a cell with several values those that are others now; else the cell.
function changedParts(cell, before) {
  const parts = [...(cell.firstElementChild?.children ?? [])];
  const changed = parts.filter((part, at) => before?.children?.[at]?.isEqualNode(part) === false);
  return changed.length ? changed : [cell];
}

/** Lets an element glow for a moment: its value has just changed. */
export function glow(element) {
  if (reducedMotion() || element.getAnimations().length) return;
  const colour = getComputedStyle(element).getPropertyValue('--glow');
  element.animate([{ backgroundColor: colour }, { backgroundColor: 'transparent' }], {
    duration: FLASH_MS,
    easing: 'ease-out',
  });
}
