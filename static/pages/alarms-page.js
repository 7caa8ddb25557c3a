import { alarmTable } from '../components/alarm-table.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { followAlarms } from '../lib/live_alarms.js';
import { replaceQuery } from '../lib/router.js';

const QUERY = ['state', 'severity', 'page'];

/** All alarms of modules that one may see, those that are not over first. The filter stands in the address. */
class AlarmsPage extends HTMLElement {
  #leave = null;
  #table = h('data-table');

  connectedCallback() {
    this.replaceChildren(
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.alarms')), h('p', { class: 'quiet' }, t('alarm.words')))),
      this.#table,
    );
    this.#table.addEventListener('query', ({ detail }) =>
      replaceQuery(Object.fromEntries(QUERY.filter((name) => detail[name] && detail[name] !== 1).map((name) => [name, detail[name]]))),
    );
    const asked = [...new URLSearchParams(location.search)].filter(([name]) => QUERY.includes(name));
    this.#table.definition = alarmTable({ query: Object.fromEntries(asked), again: () => this.#table.refresh() });
    this.#leave = followAlarms(() => this.#table.refresh());
  }

  disconnectedCallback() {
    this.#leave();
  }
}

customElements.define('alarms-page', AlarmsPage);
