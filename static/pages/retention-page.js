import { failure } from '../components/data-table.js';
import { rowActions } from '../components/module-cells.js';
import { editRule, removeRule, TIERS } from '../components/retention-dialogs.js';
import { api } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { formatBytes, formatNumber, formatShare } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { lengthWords, secondsOf } from '../lib/lengths.js';

/** How long the history is kept, what it takes, and what it will: for admins. Rules are tried before they hold. */
class RetentionPage extends HTMLElement {
  #abort = null;
  #body = h('div', { class: 'retention' }, h('div', { class: 'card skeleton-card' }, h('span', { class: 'bone' }), h('span', { class: 'bone' })));

  connectedCallback() {
    this.#abort = new AbortController();
    this.replaceChildren(
      h('a', { class: 'back', href: '/admin' }, icon('back'), t('title.admin')),
      h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, t('title.retention')), h('p', { class: 'quiet' }, t('retention.words')))),
      this.#body,
    );
    this.#load();
  }

  disconnectedCallback() {
    this.#abort.abort();
  }

  async #load() {
    const { signal } = this.#abort;
    try {
      this.#show(await api.get('/retention', { signal }));
    } catch (error) {
      if (signal.aborted) return;
      this.#body.replaceChildren(failure(error, () => this.#load()));
    }
  }

  #show({ defaults, rules, usage }) {
    const changed = (kept) => this.#show(kept);
    const add = h(
      'button',
      { type: 'button', class: 'button', onclick: () => editRule({ rules, defaults, changed }) },
      icon('plus'),
      h('span', {}, t('retention.add')),
    );
    this.#body.replaceChildren(
      figures(usage),
      section(t('retention.tiers'), null, tierTable(usage.all, defaults, rules)),
      section(t('retention.rules'), add, rulesTable(rules, { defaults, changed })),
      h(
        'div',
        { class: 'retention-pair' },
        section(t('retention.types'), null, keptTable(t('retention.types'), usage.types, usage.all.bytes)),
        section(t('retention.modules'), null, keptTable(t('retention.modules'), usage.modules, usage.all.bytes, true)),
      ),
    );
  }
}

customElements.define('retention-page', RetentionPage);

function figures({ all, growthPerDay, inAMonth }) {
  const figure = (name, value) => h('div', { 'data-figure': name }, h('dt', {}, t(`retention.${name}`)), h('dd', { class: 'numbers' }, value));
  return h(
    'dl',
    { class: 'card retention-figures' },
    figure('samples', formatNumber(all.samples)),
    figure('bytes', formatBytes(all.bytes)),
    figure('growth', growthPerDay === null ? t('retention.unknown') : formatBytes(growthPerDay)),
    figure('month', inAMonth === null ? t('retention.unknown') : formatBytes(inAMonth)),
  );
}

function section(title, action, ...content) {
  return h('section', {}, h('div', { class: 'page-head' }, h('h2', {}, title), action), content);
}

function table(caption, columns, rows, none) {
  if (!rows.length) return h('div', { class: 'card quiet' }, none);
  const head = columns.map(({ label, kind }) => h('th', { scope: 'col', class: kind }, label));
  const body = rows.map((row) => h('tr', {}, columns.map((column) => cell(column, row))));
  return h(
    'div',
    { class: 'table-frame scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', { class: 'compact' }, h('caption', { class: 'visually-hidden' }, caption), h('thead', {}, h('tr', {}, head)), h('tbody', {}, body)),
  );
}

function cell({ kind, isName, render }, row) {
  return isName ? h('th', { scope: 'row' }, render(row)) : h('td', { class: kind }, render(row));
}

function tierTable(all, defaults, rules) {
  const general = rules.find(({ scope }) => scope === 'all')?.keep ?? {};
  const columns = [
    { label: t('retention.tier'), isName: true, render: ({ tier }) => t(`retention.${tier}`) },
    { label: t('retention.bytes'), kind: 'numbers', render: ({ place }) => formatBytes(all.tiers[place]) },
    { label: t('retention.keep'), kind: 'numbers', render: ({ tier }) => keepWords(general[tier] ?? defaults[tier]) },
  ];
  return table(t('retention.tiers'), columns, TIERS.map((tier, place) => ({ tier, place })));
}

function rulesTable(rules, { defaults, changed }) {
  const actions = (rule) =>
    rowActions([
      { symbol: 'edit', label: t('retention.edit', { name: scopeWords(rule) }), act: () => editRule({ rule, rules, defaults, changed }) },
      { symbol: 'trash', label: t('retention.remove', { name: scopeWords(rule) }), act: () => removeRule({ rule, changed }) },
    ]);
  const columns = [
    { label: t('retention.scope'), isName: true, render: scopeWords },
    ...TIERS.map((tier) => ({ label: t(`retention.${tier}`), kind: 'numbers', render: ({ keep }) => keepWords(keep[tier]) })),
    { label: h('span', { class: 'visually-hidden' }, t('table.actions')), kind: 'actions', render: actions },
  ];
  return table(t('retention.rules'), columns, rules, t('retention.noRules'));
}

function keptTable(caption, kept, all, isModules = false) {
  const name = ({ name: id }) => (isModules ? h('a', { href: `/modules/${encodeURIComponent(id)}` }, id) : id);
  const columns = [
    { label: t('module.name'), isName: true, render: name },
    { label: t('retention.samples'), kind: 'numbers', render: ({ kept: { samples } }) => formatNumber(samples) },
    { label: t('retention.bytes'), kind: 'numbers', render: ({ kept: { bytes } }) => formatBytes(bytes) },
    { label: t('retention.share'), kind: 'numbers', render: ({ kept: { bytes } }) => formatShare(all ? bytes / all : 0) },
  ];
  return table(caption, columns, kept, t('retention.nothing'));
}

// What a rule is about, in words.
function scopeWords({ scope, name }) {
  return t(`retention.scope.${scope}`, { name: name ?? '' });
}

// `0s` is for ever.
function keepWords(length) {
  if (!length) return '–';
  return secondsOf(length) ? lengthWords(length) : t('retention.ever');
}
