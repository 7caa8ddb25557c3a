import { message } from '../components/data-table.js';
import { moment, rowActions } from '../components/module-cells.js';
import { askStop, clearStop, mayClear, showStopModules } from '../components/stop-dialogs.js';
import { progressWords, scopeName } from '../components/stop-words.js';
import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatMoment } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { stopsInForce } from '../lib/live_stops.js';
import { learnNames, nameOf } from '../lib/people.js';

/** All emergency stops that concern modules one may see, those in force first; where they are made and cleared. */
class StopsPage extends HTMLElement {
  #abort = null;
  #table = h('data-table');

  connectedCallback() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const again = () => this.#table.refresh();
    const make = h(
      'button',
      { type: 'button', class: 'button danger', onclick: () => askStop({ then: again }) },
      icon('warning'),
      h('span', {}, t('stop.page')),
    );
    this.replaceChildren(
      h('a', { class: 'back', href: '/modules' }, icon('back'), t('title.modules')),
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.stops')), h('p', { class: 'quiet' }, t('stop.pageWords'))), make),
      this.#table,
    );
    this.#table.definition = {
      name: 'stops',
      caption: t('title.stops'),
      columns: columns(again),
      id: ({ stopId }) => stopId,
      load: (query, load) => read(query, load),
      filters: [{ name: 'active', label: t('stop.any'), options: activeOptions }],
      sort: '',
      empty: () => message('check', t('stop.none'), t('stop.noneHint')),
    };
    for (const name of ['changed', 'progress']) stopsInForce.addEventListener(name, again, { signal });
  }

  disconnectedCallback() {
    this.#abort.abort();
  }
}

customElements.define('stops-page', StopsPage);

function activeOptions() {
  return [
    { value: 'true', label: t('stop.inForce') },
    { value: 'false', label: t('stop.over') },
  ];
}

async function read({ page, perPage, active }, signal) {
  const found = await api.get('/emergency-stops', { query: { page, perPage, active }, signal });
  await learnNames(found.items.flatMap(({ userId, clearedBy }) => [userId, clearedBy].filter(Boolean)), signal);
  return found;
}

function columns(again) {
  return [
    { key: 'what', label: t('stop.who'), kind: 'lead', render: whatCell },
    { key: 'state', label: t('module.status'), kind: 'fit', live: true, render: stateCell },
    { key: 'progress', label: t('stop.progress'), kind: 'fit', live: true, render: (stop) => h('span', { class: 'numbers' }, progressWords(stop)) },
    { key: 'reason', label: t('stop.reason'), render: ({ reason }) => reason || '–' },
    { key: 'by', label: t('stop.by'), render: ({ userId }) => nameWords(userId) },
    { key: 'createdAt', label: t('stop.madeAt'), kind: 'fit', render: ({ createdAt }) => moment(createdAt) },
    { key: 'actions', label: t('table.actions'), kind: 'alarm-actions', render: (stop) => buttons(stop, again) },
  ];
}

function whatCell(stop) {
  const name = scopeName(stop);
  if (stop.scope !== 'module') return h('span', {}, name);
  return h('a', { href: `/modules/${encodeURIComponent(stop.moduleId)}` }, name);
}

function stateCell({ clearedAt, clearedBy, stored }) {
  if (!clearedAt) return h('span', { class: 'alarm-state active' }, t(stored ? 'stop.inForce' : 'stop.unstored'));
  const words = t('stop.clearedAt', { moment: formatMoment(clearedAt), name: nameWords(clearedBy) });
  return h('span', { class: 'alarm-state cleared', title: words }, t('stop.over'));
}

function nameWords(userId) {
  return nameOf(userId) ?? t('command.somebody');
}

function buttons(stop, again) {
  const name = scopeName(stop);
  const clear = h(
    'button',
    { type: 'button', class: 'button small', 'aria-label': t('stop.clearNamed', { name }), onclick: () => clearStop(stop, again) },
    t('stop.clear'),
  );
  const look = { symbol: 'eye', label: t('stop.modulesOf', { name }), act: () => showStopModules(stop) };
  return h('div', { class: 'buttons' }, !stop.clearedAt && mayClear(stop) && clear, rowActions([look]));
}
