import { ApiError, api } from '../lib/api.js';
import { h, replaceIfChanged } from '../lib/dom.js';
import { formatBytes, formatNumber, formatSpan, humanise } from '../lib/format.js';
import { hasWords, t } from '../lib/i18n.js';
import { explainError } from './form-view.js';
import { lastSeen, rowActions } from './module-cells.js';
import { TableRows } from './table-rows.js';

const EVERY_MS = 3000;

/**
 * How the hub fares: connections, reconnections, refusals, the busiest topics and the slowest clients. It asks every few
 * seconds, and only while somebody looks.
 *
 * Fires `tap` (detail: `{title, topics}`) when somebody wants to look into a topic or a person.
 */
class LiveMonitor extends HTMLElement {
  #facts = h('div', { class: 'monitor-facts' });
  #topics = smallTable(t('monitor.topics'), t('monitor.noTopics'), this.#topicColumns(), ({ topic }) => topic);
  #slowest = smallTable(t('monitor.slowest'), t('monitor.noSlowest'), this.#slowColumns(), (one) => one.sessionId);
  // Before the first answer nobody knows whether there is nothing.
  #tables = h('div', { class: 'monitor-tables', hidden: true });
  #timer = null;
  #asking = null;

  connectedCallback() {
    this.#tables.append(this.#topics.element, this.#slowest.element);
    this.replaceChildren(this.#facts, this.#tables);
    document.addEventListener('visibilitychange', this.#wake);
    this.#ask();
  }

  disconnectedCallback() {
    document.removeEventListener('visibilitychange', this.#wake);
    this.#asking?.abort();
    clearTimeout(this.#timer);
  }

  #wake = () => {
    if (!document.hidden && !this.#asking) this.#ask();
  };

  async #ask() {
    clearTimeout(this.#timer);
    this.#asking = new AbortController();
    try {
      this.#show(await api.get('/monitor', { signal: this.#asking.signal }));
    } catch (error) {
      // What is shown stays; the connection banner tells that it may be old.
      if (!this.#facts.firstChild && error instanceof ApiError) this.#facts.replaceChildren(h('p', { class: 'form-alert' }, explainError(error)));
    }
    this.#asking = null;
    if (this.isConnected && !document.hidden) this.#timer = setTimeout(() => this.#ask(), EVERY_MS);
  }

  #show(told) {
    replaceIfChanged(this.#facts, h('div', { class: 'monitor-cards' }, cards(told)));
    this.#tables.hidden = false;
    this.#topics.show(told.topics);
    this.#slowest.show(told.slowest);
  }

  #tap(title, topics) {
    this.dispatchEvent(new CustomEvent('tap', { detail: { title, topics } }));
  }

  #topicColumns() {
    const look = ({ topic }) => [
      { symbol: 'eye', label: t('tap.look', { name: topic }), act: () => this.#tap(topic, [`tap:${topic}`]) },
    ];
    const rate = (value) => h('span', { class: 'numbers' }, formatNumber(value, 1));
    return [
      { label: t('monitor.topic'), kind: 'lead', render: ({ topic }) => h('code', {}, topic) },
      { label: t('monitor.events'), kind: 'fit', render: ({ eventsPerSecond }) => rate(eventsPerSecond) },
      { label: t('monitor.deliveries'), kind: 'fit', render: ({ deliveriesPerSecond }) => rate(deliveriesPerSecond) },
      { label: t('table.actions'), kind: 'actions', render: (topic) => rowActions(look(topic)) },
    ];
  }

  #slowColumns() {
    const look = ({ userId, userName }) => [
      {
        symbol: 'eye',
        label: t('tap.look', { name: userName }),
        act: () => this.#tap(userName, [`tap:user:${userId}`, `tap:modules:${userId}`]),
      },
    ];
    const number = (words) => h('span', { class: 'numbers' }, words);
    return [
      { label: t('monitor.person'), kind: 'lead', render: ({ userName }) => h('span', {}, userName) },
      { label: t('monitor.dialect'), kind: 'fit', render: ({ dialect }) => h('span', { class: 'tag' }, word('door', dialect)) },
      { label: t('monitor.since'), kind: 'fit', render: ({ since }) => lastSeen(since) },
      { label: t('monitor.waiting'), kind: 'fit', render: ({ waitingBytes }) => number(formatBytes(waitingBytes)) },
      { label: t('monitor.stalled'), kind: 'fit', render: ({ stalledMs }) => number(formatSpan(stalledMs)) },
      { label: t('monitor.conflated'), kind: 'fit', render: ({ conflated }) => number(formatNumber(conflated)) },
      { label: t('table.actions'), kind: 'actions', render: (client) => rowActions(look(client)) },
    ];
  }
}

function cards({ connections, admission, sessions, reconnections, refused, ended }) {
  const { count, p50Ms, p95Ms, maxMs } = reconnections;
  const span = (ms) => (count ? formatSpan(ms) : '–');
  return [
    card('connections', [
      ...connections.map(({ door, open }) => [word('door', door), formatNumber(open)]),
      [t('monitor.admitted'), formatNumber(admission.admitted)],
      [t('monitor.sentAway'), formatNumber(admission.sentAway + admission.turnedDown)],
      [t('monitor.inLine'), formatNumber(admission.waiting)],
    ]),
    card('reconnections', [
      [t('monitor.median'), span(p50Ms)],
      [t('monitor.p95'), span(p95Ms)],
      [t('monitor.longest'), span(maxMs)],
      [t('monitor.comeBack'), formatNumber(count)],
    ]),
    card('sessions', [
      [t('monitor.resumed'), formatNumber(sessions.resumed)],
      [t('monitor.snapshotted'), formatNumber(sessions.snapshotted)],
      [t('monitor.gaps'), formatNumber(sessions.gaps)],
      [t('monitor.behind'), formatNumber(sessions.behind)],
    ]),
    card('errors', [
      ...refused.map(({ reason, count: number }) => [word('reason', reason), formatNumber(number)]),
      ...ended.map(({ code, count: number }) => [word('code', code), formatNumber(number)]),
    ]),
  ];
}

function card(name, rows) {
  const row = ([label, value]) => h('div', {}, h('dt', {}, label), h('dd', { class: 'numbers' }, value));
  return h(
    'section',
    { class: 'card', 'data-monitor': name },
    h('h3', {}, t(`monitor.${name}`)),
    rows.length ? h('dl', {}, rows.map(row)) : h('p', { class: 'quiet' }, t('monitor.nothing')),
  );
}

function word(kind, name) {
  const key = `monitor.${kind}.${name}`;
  return hasWords(key) ? t(key) : humanise(String(name));
}

/** A table of a few rows that come and go, kept by id so that a button under the pointer stays there. */
function smallTable(title, nothing, columns, id) {
  const body = h('tbody');
  const rows = new TableRows(body, columns, id);
  const head = columns.map(({ label, kind }) => h('th', { scope: 'col', class: kind }, h('span', {}, label)));
  const frame = h(
    'div',
    { class: 'table-frame', hidden: true },
    h('table', {}, h('caption', { class: 'visually-hidden' }, title), h('thead', {}, h('tr', {}, head)), body),
  );
  const empty = h('p', { class: 'card quiet' }, nothing);
  const show = (items) => {
    rows.replace(items);
    frame.hidden = !items.length;
    empty.hidden = !frame.hidden;
  };
  return { element: h('section', {}, h('h3', {}, title), frame, empty), show };
}

customElements.define('live-monitor', LiveMonitor);
