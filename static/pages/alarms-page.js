import { ALARM_EVENTS, alarmTable } from '../components/alarm-table.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { replaceQuery } from '../lib/router.js';
import { session } from '../lib/session.js';

const QUERY = ['state', 'severity', 'page'];
/** Only alarms are of interest here; values may come as seldom as they like. */
const VALUES_PER_SECOND = 0.05;

/** All alarms of modules that one may see, those that are not over first. The filter stands in the address. */
class AlarmsPage extends HTMLElement {
  #leave = [];
  #table = h('data-table');

  connectedCallback() {
    const { hub } = session;
    this.replaceChildren(
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.alarms')), h('p', { class: 'quiet' }, t('alarm.words')))),
      this.#table,
    );
    this.#table.addEventListener('query', ({ detail }) =>
      replaceQuery(Object.fromEntries(QUERY.filter((name) => detail[name] && detail[name] !== 1).map((name) => [name, detail[name]]))),
    );
    const asked = [...new URLSearchParams(location.search)].filter(([name]) => QUERY.includes(name));
    this.#table.definition = alarmTable({ query: Object.fromEntries(asked), again: () => this.#table.refresh() });
    this.#leave = [
      ...ALARM_EVENTS.map((name) => hub.on(name, () => this.#table.refresh())),
      hub.on('snapshot', () => this.#table.refresh()),
    ];
    hub.subscribe(['modules'], { maxRate: VALUES_PER_SECOND }).catch(() => {});
  }

  disconnectedCallback() {
    for (const leave of this.#leave) leave();
    session.hub?.unsubscribe(['modules']).catch(() => {});
  }
}

customElements.define('alarms-page', AlarmsPage);
