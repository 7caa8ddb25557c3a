import { alarmTable } from '../components/alarm-table.js';
import { explainError } from '../components/form-view.js';
import { toast } from '../components/toast-stack.js';
import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { followAlarms } from '../lib/live_alarms.js';
import { replaceQuery } from '../lib/router.js';

const QUERY = ['state', 'severity', 'page'];

/** All alarms of modules that one may see, those that are not over first. The filter stands in the address. */
class AlarmsPage extends HTMLElement {
  #leave = null;
  #table = h('data-table');
  #active = [];
  #all = h('button', { type: 'button', class: 'button', hidden: true, onclick: () => this.#acknowledge() });

  connectedCallback() {
    this.replaceChildren(
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.alarms')), h('p', { class: 'quiet' }, t('alarm.words'))), this.#all),
      this.#table,
    );
    this.#table.addEventListener('query', ({ detail }) =>
      replaceQuery(Object.fromEntries(QUERY.filter((name) => detail[name] && detail[name] !== 1).map((name) => [name, detail[name]]))),
    );
    const asked = [...new URLSearchParams(location.search)].filter(([name]) => QUERY.includes(name));
    this.#table.definition = alarmTable({ query: Object.fromEntries(asked), again: () => this.#table.refresh() });
    this.#table.addEventListener('loaded', ({ detail }) => this.#offer(detail.items));
    this.#leave = followAlarms(() => this.#table.refresh());
  }

  disconnectedCallback() {
    this.#leave();
  }

  // After a storm nobody shall have to press a button for each.
  #offer(alarms) {
    this.#active = alarms.filter(({ state }) => state === 'active');
    this.#all.hidden = this.#active.length < 2;
    this.#all.textContent = t('alarm.acknowledgeShown', { count: this.#active.length });
  }

  async #acknowledge() {
    this.#all.disabled = true;
    const deeds = this.#active.map(({ alarmId }) => acknowledge(alarmId));
    const failed = (await Promise.all(deeds)).filter(Boolean);
    this.#all.disabled = false;
    if (failed.length) toast(explainError(failed[0]), 'bad');
    else toast(t('alarm.acknowledgedShown', { count: deeds.length }), 'good');
    this.#table.refresh();
  }
}

// What went wrong, if anything did; whoever was faster, or an alarm that is over meanwhile, is no fault.
function acknowledge(alarmId) {
  const path = `/alarms/${encodeURIComponent(alarmId)}/acknowledge`;
  return api.post(path).then(
    () => null,
    (error) => (error.status === 409 || error.status === 404 ? null : error),
  );
}

customElements.define('alarms-page', AlarmsPage);
