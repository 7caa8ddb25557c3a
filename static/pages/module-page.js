import { failure, message } from '../components/data-table.js';
import { mayChange, moduleSeen, moment, statusBadge } from '../components/module-cells.js';
import { deleteModule, giveCode, renameModule, rotateToken } from '../components/module-dialogs.js';
import { api, modulePath, userPath } from '../lib/api.js';
import { coalesced, h, replaceIfChanged } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { navigate } from '../lib/router.js';
import { session } from '../lib/session.js';
import '../components/alarm-panel.js';
import '../components/command-history.js';
import '../components/command-panel.js';
import '../components/event-feed.js';
import '../components/stop-panel.js';
import '../components/telemetry-board.js';
import '../components/telemetry-chart.js';
import '../components/twin-panel.js';

/** One module: presence, latest telemetry, facts and what can be done with it. `data-module` is its id. */
class ModulePage extends HTMLElement {
  #module = null;
  #owner = null;
  #abort = null;
  #isFollowed = false;
  #stops = [];
  #parts = null;
  #drawSoon = coalesced(() => this.#draw());

  connectedCallback() {
    this.#abort = new AbortController();
    this.replaceChildren(
      h(
        'div',
        { class: 'card skeleton-card' },
        h('span', { class: 'bone' }),
        h('span', { class: 'bone' }),
        h('span', { class: 'bone' }),
      ),
    );
    this.#follow();
    this.#load();
  }

  disconnectedCallback() {
    this.#abort.abort();
    for (const stop of this.#stops) stop();
  }

  get #id() {
    return this.dataset.module;
  }

  get #topic() {
    return `module:${this.#id}`;
  }

  #follow() {
    const hub = session.hub;
    const mine = (handler) => (data, info) => data.moduleId === this.#id && handler(data, info);
    this.#stops = [
      hub.on(
        'rt_module_online',
        mine(({ lastSeen: at }, info) => this.#change({ status: 'online', lastSeen: at ?? info.at })),
      ),
      hub.on(
        'rt_module_offline',
        mine(({ lastSeen: at, disconnectedAt }) => this.#change({ status: 'offline', lastSeen: at ?? disconnectedAt })),
      ),
      hub.on(
        'rt_module_updated',
        mine(({ name, type, userId }, { at }) => {
          this.#change({ name, type, updatedAt: at, ...(userId === undefined ? {} : { userId }) });
          this.#nameOwner();
        }),
      ),
      hub.on(
        'rt_telemetry_updated',
        mine(({ telemetry }, { at }) => this.#change({ telemetry, lastSeen: at })),
      ),
      hub.on(
        'rt_module_removed',
        mine(() => this.#removed()),
      ),
      hub.on('*', (event) => event.data.moduleId === this.#id && this.#parts?.feed.add(event)),
      hub.on('snapshot', ({ topic, data }) => topic === this.#topic && this.#restore(data.module)),
      session.listen(this.#topic),
    ];
  }

  async #load() {
    try {
      const module = await api.get(modulePath(this.#id), { signal: this.#abort.signal });
      if (!this.#isFollowed) this.#show(module);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#fail(error);
    }
  }

  // A snapshot stands in one order with the events: from then on the answer to a request may be the older one.
  #restore(module) {
    if (!module) return;
    this.#isFollowed = true;
    this.#show(module);
  }

  #show(module) {
    this.#module = module;
    this.#draw();
    this.#nameOwner();
  }

  // Only admins may ask who other people are.
  async #nameOwner() {
    const userId = this.#module?.userId;
    if (!session.user.isAdmin || !userId || userId === session.user.id || this.#owner?.id === userId) return;
    this.#owner = await api.get(userPath(userId), { signal: this.#abort.signal }).catch(() => null);
    this.#drawSoon();
  }

  #change(change) {
    if (!this.#module) return;
    Object.assign(this.#module, change);
    this.#drawSoon();
  }

  #draw() {
    if (!this.isConnected || !this.#module) return;
    this.#parts ??= this.#frame();
    const module = this.#module;
    const { title, status, type, seen, updated, owner, created, board, chart, alarms } = this.#parts;
    document.title = `${module.name} · Carillon`;
    title.textContent = module.name;
    replaceIfChanged(status, statusBadge(module.status));
    type.textContent = module.type;
    replaceIfChanged(seen, moduleSeen(module));
    replaceIfChanged(created, moment(module.createdAt));
    replaceIfChanged(updated, moment(module.updatedAt));
    replaceIfChanged(owner, ownerWords(module.userId, this.#owner));
    board.telemetry = module.telemetry ?? {};
    chart.telemetry = module.telemetry ?? {};
    alarms.module = module;
  }

  #frame() {
    const parts = {
      title: h('h1'),
      status: h('span'),
      type: h('dd'),
      seen: h('dd'),
      created: h('dd'),
      updated: h('dd'),
      owner: h('dd'),
      board: h('telemetry-board'),
      alarms: h('alarm-panel', { 'data-module': this.#id, onrules: ({ detail }) => this.#mark(detail) }),
      chart: h('telemetry-chart', { class: 'card', 'data-module': this.#id }),
      feed: h('event-feed', { 'data-module': this.#id }),
    };
    const fact = (label, value) => h('div', {}, h('dt', {}, label), value);
    const facts = h(
      'dl',
      { class: 'facts card' },
      fact(t('module.id'), h('dd', {}, h('code', {}, this.#id))),
      fact(t('module.type'), parts.type),
      fact(t('module.lastSeen'), parts.seen),
      fact(t('module.owner'), parts.owner),
      fact(t('module.created'), parts.created),
      fact(t('module.updated'), parts.updated),
    );
    this.replaceChildren(
      h('a', { class: 'back', href: '/modules' }, icon('back'), t('title.modules')),
      h(
        'div',
        { class: 'page-head' },
        h('div', { class: 'module-title' }, parts.title, parts.status),
        mayChange(this.#module) && this.#buttons(),
      ),
      h(
        'div',
        { class: 'module-grid' },
        h('div', { class: 'module-stop' }, this.#panel('stop.title', 'stop-panel')),
        h(
          'div',
          { class: 'module-live' },
          h('section', {}, h('h2', {}, t('module.telemetry')), parts.board),
          h('section', { class: 'module-chart' }, h('h2', {}, t('chart.title')), parts.chart),
          h('section', { class: 'module-alarms' }, h('h2', {}, t('alarm.title')), parts.alarms),
          h('section', { class: 'module-told' }, h('h2', {}, t('command.history')), h('command-history', { 'data-module': this.#id })),
          h('section', { class: 'module-feed' }, h('h2', {}, t('admin.feed')), h('div', { class: 'card' }, parts.feed)),
        ),
        h(
          'div',
          { class: 'module-side' },
          h('section', { class: 'module-facts' }, h('h2', {}, t('module.facts')), facts),
          this.#panel('command.title', 'command-panel'),
          this.#panel('twin.title', 'twin-panel'),
        ),
      ),
    );
    return parts;
  }

  // The limits of the rules stand across the lines.
  #mark(rules) {
    const limits = rules.filter(({ enabled, condition }) => enabled && condition.kind === 'threshold');
    this.#parts.chart.marks = limits.map(({ condition: { key, limit }, severity }) => ({ key, value: limit, severity }));
  }

  #panel(title, name) {
    const panel = h(name, { class: 'card panel', 'data-module': this.#id });
    return h('section', {}, h('h2', {}, t(title)), panel);
  }

  #buttons() {
    const button = (symbol, label, act, kind = '') =>
      h('button', { type: 'button', class: `button ${kind}`, onclick: act }, icon(symbol), h('span', {}, label));
    return h(
      'div',
      { class: 'buttons' },
      button('edit', t('module.rename'), () => renameModule(this.#module)),
      button('key', t('module.rotate'), () => rotateToken(this.#module)),
      session.user.isAdmin && button('account', t('claim.code'), () => giveCode(this.#module)),
      button('trash', t('action.delete'), () => deleteModule(this.#module, () => navigate('/modules')), 'danger-text'),
    );
  }

  #removed() {
    this.#module = null;
    this.#parts = null;
    this.#end(message('trash', t('module.gone'), t('module.goneHint'), this.#home()));
  }

  #fail(error) {
    this.#parts = null;
    if (error.status === 404)
      this.#end(message('search', t('module.unknown', { id: this.#id }), t('module.unknownHint'), this.#home()));
    else this.#end(failure(error, () => this.#load()));
  }

  #end(content) {
    this.replaceChildren(h('h1', { class: 'visually-hidden' }, this.#id), content);
  }

  #home() {
    return h('a', { class: 'button', href: '/modules' }, t('lost.home'));
  }
}

function ownerWords(userId, owner) {
  if (!userId) return h('span', { class: 'quiet' }, t('module.noOwner'));
  return userId === session.user.id ? t('module.mine') : owner?.id === userId ? owner.name : h('code', {}, userId);
}

customElements.define('module-page', ModulePage);
