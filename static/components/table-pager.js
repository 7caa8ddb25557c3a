import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';

/** How many rows a page may have. */
export const PAGE_SIZES = [10, 25, 50, 100];

/** Where in the list one is, and the ways to the neighbours. */
export function pager({ page, perPage }, total, caption, ask) {
  const pages = Math.max(1, Math.ceil(total / perPage));
  const first = total ? (page - 1) * perPage + 1 : 0;
  const size = h(
    'select',
    {
      onchange: () => ask({ perPage: Number(size.value), page: Math.floor((first - 1) / Number(size.value)) + 1 || 1 }),
    },
    PAGE_SIZES.map((count) => h('option', { value: count, selected: count === perPage }, count)),
  );
  return h(
    'div',
    { class: 'pager' },
    h('label', { class: 'page-size' }, h('span', {}, t('table.perPage')), size),
    h('span', { class: 'range numbers' }, t('table.range', { first, last: Math.min(total, page * perPage), total })),
    h(
      'nav',
      { 'aria-label': `${t('table.pages')}: ${caption}` },
      step('back', t('table.previous'), page > 1, () => ask({ page: page - 1 })),
      step('next', t('table.next'), page < pages, () => ask({ page: page + 1 })),
    ),
  );
}

function step(symbol, label, possible, go) {
  return h(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, disabled: !possible, onclick: go },
    icon(symbol),
  );
}
