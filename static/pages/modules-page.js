import { message } from '../components/data-table.js';
import { moduleColumns } from '../components/module-cells.js';
import { addModule, claimModule, deleteModule, renameModule } from '../components/module-dialogs.js';
import { askStop } from '../components/stop-dialogs.js';
import { api } from '../lib/api.js';
import { Directory } from '../lib/directory.js';
import { coalesced, h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { followModules } from '../lib/live_modules.js';
import { replaceQuery } from '../lib/router.js';
import { session } from '../lib/session.js';
import '../components/module-chime.js';

const QUERY = ['search', 'status', 'type', 'sort', 'page'];
const SORT = 'name';

/** All modules that one may see, live. What is asked for stands in the address, so that it can be shared and gone back to. */
class ModulesPage extends HTMLElement {
  #directory = new Directory();
  #stop = null;
  #table = null;
  #summary = h('p', { class: 'summary', role: 'status', 'aria-live': 'off' });

  connectedCallback() {
    this.#table = h('data-table');
    const chime = h('module-chime');
    chime.follow(this.#directory);
    const add = h(
      'button',
      { type: 'button', class: 'button primary', onclick: addModule },
      icon('plus'),
      h('span', {}, t('module.add')),
    );
    const claim = h(
      'button',
      { type: 'button', class: 'button', onclick: () => claimModule(() => this.#table.refresh()) },
      icon('key'),
      h('span', {}, t('claim.title')),
    );
    const stop = h(
      'button',
      { type: 'button', class: 'button danger-text', onclick: () => askStop({ type: this.#typeShown }) },
      icon('warning'),
      h('span', {}, t('stop.make')),
    );
    this.replaceChildren(
      h(
        'div',
        { class: 'page-head' },
        h('div', {}, h('h1', {}, t('title.modules')), this.#summary),
        h('div', { class: 'buttons' }, stop, claim, add),
      ),
      chime,
      this.#table,
    );
    this.#table.addEventListener('query', ({ detail }) => rememberQuery(detail));
    this.#table.definition = this.#definition();
    this.#follow();
  }

  disconnectedCallback() {
    this.#stop();
    this.#directory.leave();
  }

  // Who looks at one type is about to stop that one.
  get #typeShown() {
    return new URLSearchParams(location.search).get('type') ?? '';
  }

  #follow() {
    this.#stop = followModules(session.hub, this.#table);
    this.#directory.addEventListener(
      'changed',
      coalesced(() => this.#summarise(), 200),
    );
    this.#directory.addEventListener('restored', () => this.#table.refresh());
    this.#directory.follow(session);
  }

  #summarise() {
    const { online, size } = this.#directory;
    this.#summary.textContent = t('modules.summary', { online, offline: size - online, total: size });
    this.#table.refreshFilters();
  }

  #definition() {
    return {
      name: 'modules',
      caption: t('title.modules'),
      columns: moduleColumns({
        edit: renameModule,
        remove: (module) => deleteModule(module, () => this.#table.refresh()),
      }),
      id: ({ moduleId }) => moduleId,
      load: (query, signal) => api.get('/modules', { query, signal }),
      filters: [
        statusFilter(),
        {
          name: 'type',
          label: t('filter.type'),
          options: () => this.#directory.types.map((type) => ({ value: type, label: type })),
        },
      ],
      searchLabel: t('modules.search'),
      sort: SORT,
      query: Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => QUERY.includes(name))),
      empty: () =>
        message(
          'empty',
          t('modules.none'),
          t('modules.noneHint'),
          h('button', { type: 'button', class: 'button primary', onclick: addModule }, t('module.add')),
        ),
    };
  }
}

function rememberQuery(query) {
  const standard = { page: 1, sort: SORT };
  replaceQuery(
    Object.fromEntries(
      QUERY.filter((name) => query[name] && query[name] !== standard[name]).map((name) => [name, query[name]]),
    ),
  );
}

/** The filter by status, for any table of modules. */
export function statusFilter() {
  return {
    name: 'status',
    label: t('filter.status'),
    options: () => ['online', 'offline'].map((value) => ({ value, label: t(`status.${value}`) })),
  };
}

customElements.define('modules-page', ModulesPage);
