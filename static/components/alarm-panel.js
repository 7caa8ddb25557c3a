import { api } from '../lib/api.js';
import { h, paced } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { ALARM_EVENTS } from '../lib/live_alarms.js';
import { session } from '../lib/session.js';
import { editAlarmRule, removeAlarmRule, switchAlarmRule } from './alarm-dialogs.js';
import { alarmTable } from './alarm-table.js';
import { conditionWords, severityBadge } from './alarm-words.js';
import { explainError } from './form-view.js';
import { rowActions } from './module-cells.js';

/**
 * The alarms of a module and the rules that raise them.
 *
 *     panel.module = { moduleId, type, userId, telemetry };
 *
 * Fires `rules` (detail: those that are about the module).
 */
class AlarmPanel extends HTMLElement {
  #abort = null;
  #leave = [];
  #module = null;
  #rules = h('ul', { class: 'alarm-rules' });
  #table = h('data-table');
  #rulesSoon = paced(() => this.#loadRules(), 100, 1000);

  connectedCallback() {
    this.#abort = new AbortController();
    const add = h(
      'button',
      { type: 'button', class: 'button small', onclick: () => editAlarmRule({ module: this.#module, again: () => this.#again() }) },
      icon('plus'),
      h('span', {}, t('alarm.rule.add')),
    );
    this.replaceChildren(h('div', { class: 'page-head' }, h('h3', {}, t('alarm.rules')), add), this.#rules, this.#table);
    this.#table.definition = alarmTable({ moduleId: this.dataset.module, again: () => this.#again() });
    const mine = ({ moduleId }) => moduleId === this.dataset.module && this.#table.refresh();
    this.#leave = [
      ...ALARM_EVENTS.map((name) => session.hub.on(name, mine)),
      session.hub.on('snapshot', ({ topic }) => topic === `module:${this.dataset.module}` && this.#again()),
      session.hub.on('rt_module_updated', ({ moduleId }) => moduleId === this.dataset.module && this.#rulesSoon()),
    ];
    this.#loadRules();
  }

  disconnectedCallback() {
    this.#abort.abort();
    for (const leave of this.#leave) leave();
  }

  set module(module) {
    this.#module = module;
  }

  #again() {
    this.#table.refresh();
    this.#rulesSoon();
  }

  async #loadRules() {
    const { signal } = this.#abort;
    if (signal.aborted) return;
    try {
      const query = { moduleId: this.dataset.module, perPage: 100 };
      const { items } = await api.get('/alarm-rules', { query, signal });
      this.#show(items);
      this.dispatchEvent(new CustomEvent('rules', { detail: items }));
    } catch (error) {
      if (!signal.aborted) this.#rules.replaceChildren(h('li', { class: 'form-alert' }, explainError(error)));
    }
  }

  #show(rules) {
    const none = h('li', { class: 'quiet' }, t('alarm.rule.none'));
    this.#rules.replaceChildren(...(rules.length ? rules.map((rule) => this.#row(rule)) : [none]));
  }

  #row(rule) {
    const again = () => this.#again();
    const facts = { module: this.#module, rule, again };
    const mayChange = rule.moduleId || session.user.isAdmin;
    const actions = [
      {
        symbol: rule.enabled ? 'pause' : 'play',
        label: t(rule.enabled ? 'alarm.rule.disable' : 'alarm.rule.enable', { name: rule.name }),
        act: () => switchAlarmRule(facts),
      },
      { symbol: 'edit', label: t('alarm.rule.edit', { name: rule.name }), act: () => editAlarmRule(facts) },
      { symbol: 'trash', label: t('alarm.rule.remove', { name: rule.name }), act: () => removeAlarmRule(facts) },
    ];
    const scope = rule.type && h('span', { class: 'quiet' }, t('alarm.rule.ofType', { type: rule.type }));
    const off = !rule.enabled && h('span', { class: 'quiet' }, t('alarm.rule.off'));
    return h(
      'li',
      { class: rule.enabled ? '' : 'off', 'data-rule': rule.ruleId },
      h('div', { class: 'alarm-rule' }, h('p', {}, h('strong', {}, rule.name), ' ', severityBadge(rule.severity), ' ', off), h('p', { class: 'quiet' }, conditionWords(rule.condition), ' ', scope)),
      mayChange && rowActions(actions),
    );
  }
}

customElements.define('alarm-panel', AlarmPanel);
