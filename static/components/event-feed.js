import { coalesced, h } from '../lib/dom.js';
import { formatClock } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';

const MOST = 100;
const KNOWN = {
  rt_module_online: 'signal',
  rt_module_offline: 'signal',
  rt_module_added: 'plus',
  rt_module_removed: 'trash',
  rt_module_updated: 'edit',
  rt_alarm_raised: 'alarm',
  rt_alarm_acknowledged: 'alarm',
  rt_alarm_cleared: 'alarm',
  rt_emergency_stop_updated: 'warning',
  rt_user_logged_in: 'login',
  rt_user_logged_out: 'logout',
  rt_user_profile_updated: 'account',
};

/** Kept while the tab lives, so that going to another page and back loses nothing. */
const entries = [];
/** Names told by earlier events: some events tell an id only. */
const names = new Map();
let lastKey = '';

// The next person of this tab sees nothing of the last one's.
session.addEventListener('signedOut', () => {
  entries.length = 0;
  names.clear();
});

/**
 * What happens in the house, newest first: people and modules.
 *
 *     feed.add({ event: 'rt_user_logged_in', data: { name: 'Ada' }, at });
 *
 * With `data-module` it shows what concerns that module only.
 */
class EventFeed extends HTMLElement {
  #list = h('ol', { class: 'feed', tabindex: '0', 'aria-label': t('admin.feed') });
  #draw = coalesced(() => this.#render(), 200);

  connectedCallback() {
    this.replaceChildren(this.#list);
    this.#render();
  }

  /** @param {{event: string, data: object, at: string}} event */
  add(event) {
    const key = JSON.stringify(event);
    if (!(event.event in KNOWN) || key === lastKey) return;
    lastKey = key;
    if (event.data.moduleId && event.data.name) names.set(event.data.moduleId, event.data.name);
    entries.unshift({ ...event, at: event.at ?? new Date().toISOString() });
    entries.length = Math.min(entries.length, MOST);
    this.#draw();
  }

  #render() {
    const { module } = this.dataset;
    const shown = entries.filter((entry) => (module ? entry.data.moduleId === module : isOfTheHouse(entry)));
    const empty = h('li', { class: 'feed-empty quiet' }, t('feed.empty'));
    this.#list.replaceChildren(...(shown.length ? shown.map(entryOf) : [empty]));
  }
}

// A stop of one module is told by that module, a wider one as a whole.
function isOfTheHouse({ event, data }) {
  return event !== 'rt_emergency_stop_updated' || (data.scope === 'module') === Boolean(data.moduleId);
}

function entryOf({ event, data, at }) {
  const name = data.name ?? data.moduleName ?? names.get(data.moduleId) ?? data.moduleId ?? t(`stop.scope.${data.scope}`, { type: data.target });
  const id = data.moduleId && data.moduleId !== name ? ` (${data.moduleId})` : '';
  return h(
    'li',
    { class: event },
    icon(KNOWN[event]),
    h('span', {}, t(event === 'rt_emergency_stop_updated' ? `feed.stop.${data.state}` : `feed.${event}`, { name: name + id })),
    h('time', { class: 'numbers quiet', datetime: at }, formatClock(at)),
  );
}

customElements.define('event-feed', EventFeed);
