import { coalesced, h, paced } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { recall, remember } from '../lib/preferences.js';
import { explainError } from './form-view.js';
import { pager, PAGE_SIZES } from './table-pager.js';
import { TableRows } from './table-rows.js';
import { toolbar } from './table-toolbar.js';

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {string} [sort] Name to sort by; the column is not sortable without one.
 * @property {string} [kind] Class of its cells.
 * @property {boolean} [live] Flashes when a live change altered it.
 * @property {(row: object) => Node | string} render
 *
 * @typedef {object} TableDefinition
 * @property {string} name Page size is kept under this name.
 * @property {string} caption Read out by screen readers.
 * @property {Column[]} columns
 * @property {(row: object) => string} id
 * @property {(query: object, signal: AbortSignal) => Promise<{items: object[], total: number}>} load
 * @property {{name: string, label: string, options: () => {value: string, label: string}[]}[]} [filters]
 * @property {string} [searchLabel] Without one nothing can be searched for.
 * @property {string} sort
 * @property {Record<string, string>} [query] What to start with.
 * @property {() => Node} empty Shown when there is nothing at all.
 */

/**
 * A table of things that live on the hub: it asks for one page at a time and follows live changes of the rows it shows.
 *
 *     table.definition = { … };  table.patch('MC-1', { status: 'offline' });  table.refresh();
 *
 * Fires `query` (detail: what is asked for) and `loaded`.
 */
export class DataTable extends HTMLElement {
  #definition = null;
  #query = null;
  #asking = null;
  #rows = null;
  #parts = {};
  /** Live changes that came while a page was asked for: the answer may be older than they are. */
  #meanwhile = new Map();
  #isStale = false;
  #refreshSoon = paced(() => this.isConnected && this.#load());
  #flush = coalesced(() => this.#rows?.flush());

  /** @param {TableDefinition} definition */
  set definition(definition) {
    this.#definition = definition;
    const perPage = Number(recall(`perPage.${definition.name}`));
    this.#query = {
      page: 1,
      perPage: PAGE_SIZES.includes(perPage) ? perPage : PAGE_SIZES[0],
      search: '',
      sort: definition.sort,
    };
    for (const [name, value] of Object.entries(definition.query ?? {}))
      this.#query[name] = name === 'page' ? Math.max(1, Number(value) || 1) : value;
    this.#render();
    this.#load({ first: true });
  }

  disconnectedCallback() {
    this.#asking?.abort();
  }

  /** Asks again for the page shown, soon and without a flicker: rows came, went or moved. */
  refresh() {
    this.#refreshSoon();
  }

  /** Asks again if the last time failed: the hub is back. */
  recover() {
    if (this.#isStale) this.refresh();
  }

  /** Changes a row if it is on the page. */
  patch(id, change) {
    if (this.#asking) this.#meanwhile.set(id, { ...this.#meanwhile.get(id), ...change });
    if (this.#rows?.patch(id, change)) this.#flush();
  }

  /** Changes a row, and asks again when that may change which rows are shown, or in which order. */
  change(id, change) {
    this.patch(id, change);
    const { sort, search, ...rest } = this.#query;
    const decides = (key) =>
      sort.replace('-', '') === key || Boolean(rest[key]) || (search && typeof change[key] === 'string');
    if (Object.keys(change).some(decides)) this.refresh();
  }

  /** Draws the rows anew: something else that they show changed. */
  redraw() {
    this.#rows?.redraw();
  }

  /** Fills the filters anew: their options changed. */
  refreshFilters() {
    this.#parts.tools?.refreshFilters();
  }

  #render() {
    const { caption, columns, id } = this.#definition;
    const body = h('tbody');
    this.#rows = new TableRows(body, columns, id);
    this.#parts = {
      tools: toolbar(this.#definition, this.#query, (change) => this.#ask({ page: 1, ...change })),
      head: h('thead'),
      notice: h('div', { class: 'table-notice', hidden: true }),
      count: h('p', { class: 'visually-hidden', role: 'status', 'aria-live': 'polite' }),
      foot: h('div', { class: 'table-foot' }),
    };
    const table = h('table', {}, h('caption', { class: 'visually-hidden' }, caption), this.#parts.head, body);
    const { tools, notice, count, foot } = this.#parts;
    this.replaceChildren(tools.element, h('div', { class: 'table-frame' }, table, notice), count, foot);
    this.#renderHead();
  }

  #renderHead() {
    const focused = this.#parts.head.contains(document.activeElement) ? document.activeElement.dataset.sort : null;
    const cells = this.#definition.columns.map((column) => this.#headCell(column));
    this.#parts.head.replaceChildren(h('tr', {}, cells));
    if (focused) this.#parts.head.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  #headCell({ label, sort, kind }) {
    if (!sort) return h('th', { scope: 'col', class: kind }, h('span', {}, label));
    const by = this.#query.sort;
    const direction = by === sort ? 'ascending' : by === `-${sort}` ? 'descending' : null;
    const next = direction === 'ascending' ? `-${sort}` : sort;
    const arrow = direction && icon(direction === 'ascending' ? 'up' : 'down');
    return h(
      'th',
      { scope: 'col', class: kind, 'aria-sort': direction },
      h(
        'button',
        { type: 'button', class: 'sort', 'data-sort': sort, onclick: () => this.#ask({ sort: next, page: 1 }) },
        label,
        arrow,
      ),
    );
  }

  #ask(change) {
    Object.assign(this.#query, change);
    if (change.perPage) remember(`perPage.${this.#definition.name}`, String(change.perPage));
    this.#renderHead();
    this.#parts.tools.show(this.#query);
    this.dispatchEvent(new CustomEvent('query', { detail: { ...this.#query } }));
    this.#load({ announce: true });
  }

  async #load({ first = false, announce = false } = {}) {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.setAttribute('aria-busy', 'true');
    if (first) this.#rows.skeleton(Math.min(this.#query.perPage, 10));
    try {
      this.#show(await this.#definition.load({ ...this.#query }, asking.signal), announce);
    } catch (error) {
      if (!asking.signal.aborted) this.#fail(error, first || announce);
    } finally {
      if (this.#asking === asking) this.#settled();
    }
  }

  #settled() {
    this.#asking = null;
    this.#meanwhile.clear();
    this.removeAttribute('aria-busy');
  }

  #show({ items, total }, announce) {
    this.#isStale = false;
    const pages = Math.max(1, Math.ceil(total / this.#query.perPage));
    if (this.#query.page > pages) return this.#ask({ page: pages });
    this.#rows.replace(items.map((item) => ({ ...item, ...this.#meanwhile.get(this.#definition.id(item)) })));
    this.#notice(items.length ? null : this.#emptiness());
    this.#foot(total);
    if (announce) this.#parts.count.textContent = t('table.found', { count: total });
    this.dispatchEvent(new CustomEvent('loaded', { detail: { items, total } }));
    return undefined;
  }

  // The pager is made anew each time; who was on one of its controls stays there.
  #foot(total) {
    const { foot } = this.#parts;
    const at = [...foot.querySelectorAll('select, button')].indexOf(document.activeElement);
    foot.hidden = total === 0;
    foot.replaceChildren(pager(this.#query, total, this.#definition.caption, (change) => this.#ask(change)));
    if (at < 0) return;
    const controls = [...foot.querySelectorAll('select, button')];
    (controls[at].disabled ? controls.find(({ disabled }) => !disabled) : controls[at]).focus();
  }

  #emptiness() {
    const filters = this.#definition.filters ?? [];
    const narrowed = this.#query.search || filters.some(({ name }) => this.#query[name]);
    if (!narrowed) return this.#definition.empty();
    const clear = () =>
      this.#ask({ search: '', page: 1, ...Object.fromEntries(filters.map(({ name }) => [name, ''])) });
    return message(
      'search',
      t('table.nothing'),
      t('table.nothingHint'),
      h('button', { type: 'button', class: 'button', onclick: clear }, t('table.clear')),
    );
  }

  // Rows that are shown stay when asking for them again fails: the connection banner tells that they may be old.
  #fail(error, isAsked) {
    this.#isStale = true;
    if (!isAsked && this.#rows.size) return;
    this.#rows.replace([]);
    this.#parts.foot.replaceChildren();
    this.#notice(failure(error, () => this.#load({ first: true })));
  }

  #notice(content) {
    this.#parts.notice.hidden = !content;
    this.#parts.notice.replaceChildren(...(content ? [content] : []));
  }
}

customElements.define('data-table', DataTable);

/** Words in place of rows: a picture, what is so, what to do. */
export function message(symbol, title, words, action) {
  return h(
    'div',
    { class: 'message' },
    icon(symbol),
    h('p', { class: 'message-title' }, title),
    words && h('p', {}, words),
    action,
  );
}

/** Words in place of what could not be loaded, and the way to try again. */
export function failure(error, again) {
  const retry = h('button', { type: 'button', class: 'button', onclick: again }, t('action.retry'));
  return message('warning', t('table.failed'), explainError(error), retry);
}
