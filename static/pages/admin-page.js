import { auditTable } from '../components/audit-table.js';
import { message } from '../components/data-table.js';
import { lastSeen, moduleColumns, moment, rowActions } from '../components/module-cells.js';
import { addModule, deleteModule, renameModule } from '../components/module-dialogs.js';
import { addUser, deleteUser, editUser } from '../components/user-dialogs.js';
import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { followModules } from '../lib/live_modules.js';
import { session } from '../lib/session.js';
import { statusFilter } from './modules-page.js';
import '../components/event-feed.js';
import '../components/live-monitor.js';
import '../components/live-tap.js';
import '../components/stat-board.js';

const USER_EVENTS = ['rt_user_logged_in', 'rt_user_logged_out', 'rt_user_profile_updated'];

/** The whole house: live figures, what happens, all people and all modules. */
class AdminPage extends HTMLElement {
  #board = h('stat-board');
  #feed = h('event-feed');
  #users = h('data-table');
  #modules = h('data-table');
  #audit = h('data-table');
  #tap = h('live-tap', { onbegun: () => this.#audit.refresh() });
  #stops = [];
  #people = null;

  connectedCallback() {
    this.replaceChildren(
      h(
        'div',
        { class: 'page-head' },
        h('h1', {}, t('title.admin')),
        h('div', { class: 'buttons' }, link('/retention', 'disk', t('retention.link')), link('/webhooks', 'signal', t('title.webhooks'))),
      ),
      h(
        'div',
        { class: 'admin-grid' },
        h(
          'section',
          { 'aria-labelledby': 'figures' },
          h('h2', { id: 'figures', class: 'visually-hidden' }, t('admin.figures')),
          this.#board,
        ),
        h('section', { class: 'card feed-card' }, h('h2', {}, t('admin.feed')), this.#feed),
      ),
      plain(t('monitor.title'), h('live-monitor', { ontap: ({ detail }) => this.#tap.open(detail) })),
      plain(t('tap.title'), h('p', { class: 'quiet tap-words' }, t('tap.words')), this.#tap),
      section(t('admin.users'), t('user.add'), () => addUser(() => this.#users.refresh()), this.#users),
      section(t('admin.modules'), t('module.add'), addModule, this.#modules),
      plain(t('audit.title'), this.#audit),
    );
    this.#users.definition = this.#userTable();
    this.#modules.definition = this.#moduleTable();
    this.#audit.definition = auditTable();
    this.#follow();
  }

  disconnectedCallback() {
    for (const stop of this.#stops) stop();
  }

  #follow() {
    const hub = session.hub;
    this.#stops = [
      followModules(hub, this.#modules),
      hub.on('welcome', () => this.#users.recover()),
      hub.on('snapshot', ({ topic, data }) => topic === 'admin' && this.#restore(data)),
      hub.on('rt_global_stats_updated', ({ stats }) => this.#tell(stats)),
      hub.on('*', (event) => this.#feed.add(event)),
      ...USER_EVENTS.map((name) => hub.on(name, () => this.#users.refresh())),
      session.listen('admin'),
    ];
  }

  // No event tells who closed a browser, or that somebody else made an account; the counts do.
  #tell(stats) {
    const people = `${stats.activeUsers} of ${stats.totalUsers}`;
    if (this.#people && this.#people !== people) this.#users.refresh();
    this.#people = people;
    this.#board.show(stats);
  }

  #restore({ stats }) {
    this.#tell(stats);
    this.#users.refresh();
    this.#modules.refresh();
  }

  #userTable() {
    const again = () => [this.#users, this.#audit].forEach((table) => table.refresh());
    return {
      name: 'users',
      caption: t('admin.users'),
      columns: userColumns({
        edit: (user) => editUser(user, again),
        remove: (user) => deleteUser(user, again),
        look: ({ id, name }) => this.#tap.open({ title: name, topics: [`tap:user:${id}`, `tap:modules:${id}`] }),
      }),
      id: ({ id }) => id,
      load: (query, signal) => api.get('/users', { query, signal }),
      filters: [
        {
          name: 'role',
          label: t('filter.role'),
          options: () => ['admin', 'user'].map((role) => ({ value: role, label: t(`role.${role}`) })),
        },
      ],
      searchLabel: t('admin.searchUsers'),
      sort: 'name',
      empty: () => message('account', t('admin.noUsers')),
    };
  }

  #moduleTable() {
    return {
      name: 'adminModules',
      caption: t('admin.modules'),
      columns: moduleColumns({
        edit: renameModule,
        remove: (module) => deleteModule(module, () => [this.#modules, this.#audit].forEach((table) => table.refresh())),
        look: ({ moduleId, name }) => this.#tap.open({ title: name, topics: [`tap:module:${moduleId}`] }),
        telemetry: false,
      }),
      id: ({ moduleId }) => moduleId,
      load: (query, signal) => api.get('/modules', { query, signal }),
      filters: [statusFilter()],
      searchLabel: t('modules.search'),
      sort: 'name',
      empty: () => message('empty', t('modules.none'), t('modules.noneHint')),
    };
  }
}

function link(path, symbol, words) {
  return h('a', { class: 'button', href: path }, icon(symbol), h('span', {}, words));
}

function section(title, action, act, table) {
  const button = h('button', { type: 'button', class: 'button', onclick: act }, icon('plus'), h('span', {}, action));
  return h('section', { class: 'admin-section' }, h('div', { class: 'page-head' }, h('h2', {}, title), button), table);
}

function plain(title, ...content) {
  return h('section', { class: 'admin-section' }, h('div', { class: 'page-head' }, h('h2', {}, title)), content);
}

function userColumns({ edit, remove, look }) {
  const actions = (user) => [
    { symbol: 'eye', label: t('tap.look', { name: user.name }), act: () => look(user) },
    { symbol: 'edit', label: t('user.editNamed', { name: user.name }), act: () => edit(user) },
    ...(user.id === session.user.id
      ? []
      : [{ symbol: 'trash', label: t('user.deleteNamed', { name: user.name }), act: () => remove(user) }]),
  ];
  const presence = (online) =>
    h(
      'span',
      { class: `status ${online ? 'online' : 'offline'}` },
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      t(online ? 'user.here' : 'user.away'),
    );
  return [
    { key: 'online', label: t('user.presence'), live: true, kind: 'fit', render: ({ online }) => presence(online) },
    { key: 'name', label: t('user.name'), sort: 'name', kind: 'lead', render: ({ name }) => h('span', {}, name) },
    { key: 'email', label: t('user.email'), sort: 'email', render: ({ email }) => email },
    {
      key: 'roles',
      label: t('user.role'),
      render: ({ roles }) =>
        h(
          'span',
          {},
          roles.map((role) => h('span', { class: `tag ${role}` }, t(`role.${role}`))),
        ),
    },
    {
      key: 'lastLoginAt',
      label: t('user.lastLogin'),
      sort: 'lastLoginAt',
      kind: 'fit',
      render: ({ lastLoginAt }) => lastSeen(lastLoginAt),
    },
    {
      key: 'createdAt',
      label: t('user.created'),
      sort: 'createdAt',
      kind: 'fit',
      render: ({ createdAt }) => moment(createdAt),
    },
    { key: 'actions', label: t('table.actions'), kind: 'actions', render: (user) => rowActions(actions(user)) },
  ];
}

customElements.define('admin-page', AdminPage);
