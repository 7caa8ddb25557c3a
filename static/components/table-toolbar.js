import { debounced, h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';

/**
 * Search, filters and, where the head of the table is not shown, the order.
 *
 * @param {import('./data-table.js').TableDefinition} definition
 * @param {object} query
 * @param {(change: object) => void} ask
 */
export function toolbar(definition, query, ask) {
  const search = h('input', {
    type: 'search',
    value: query.search,
    placeholder: definition.searchLabel,
    'aria-label': definition.searchLabel,
    autocomplete: 'off',
    spellcheck: 'false',
  });
  search.addEventListener(
    'input',
    debounced(() => ask({ search: search.value.trim() })),
  );
  const filters = (definition.filters ?? []).map((filter) => ({
    filter,
    select: h('select', {
      'aria-label': filter.label,
      onchange: (event) => ask({ [filter.name]: event.target.value }),
    }),
  }));
  const order = h('select', {
    'aria-label': t('table.sort'),
    class: 'table-order',
    onchange: () => ask({ sort: order.value }),
  });
  order.append(
    ...definition.columns
      .filter(({ sort }) => sort)
      .flatMap(({ label, sort }) => [
        h('option', { value: sort }, `${label} ↑`),
        h('option', { value: `-${sort}` }, `${label} ↓`),
      ]),
  );

  const refreshFilters = () =>
    filters.forEach(({ filter, select }) => {
      const chosen = query[filter.name] ?? '';
      const options = [{ value: '', label: filter.label }, ...filter.options()];
      if (chosen && !options.some(({ value }) => value === chosen)) options.push({ value: chosen, label: chosen });
      // A list that somebody has open closes when it is filled.
      const isSame = select.length === options.length && options.every(({ value, label }, place) => select[place].value === value && select[place].text === label);
      if (isSame) return;
      select.replaceChildren(...options.map(({ value, label }) => h('option', { value }, label)));
      select.value = chosen;
    });
  const show = (asked) => {
    if (document.activeElement !== search) search.value = asked.search;
    for (const { filter, select } of filters) select.value = asked[filter.name] ?? '';
    order.value = asked.sort;
  };

  refreshFilters();
  show(query);
  const element = h(
    'div',
    { class: 'table-tools', role: 'search', 'aria-label': `${definition.searchLabel ?? t('table.filters')}: ${definition.caption}` },
    definition.searchLabel && h('div', { class: 'search' }, icon('search'), search),
    filters.map(({ select }) => select),
    order.length > 0 && order,
  );
  element.hidden = !element.children.length;
  return { element, refreshFilters, show };
}
