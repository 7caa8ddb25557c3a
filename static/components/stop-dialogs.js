import { api, stopPath } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { stopsInForce } from '../lib/live_stops.js';
import { session } from '../lib/session.js';
import { message } from './data-table.js';
import { formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { moment, statusBadge } from './module-cells.js';
import { confirmed } from './module-dialogs.js';
import { findModules, readTypes, typeOptions } from './module-choice.js';
import { scopeName } from './stop-words.js';
import { toast } from './toast-stack.js';

const SCOPES = ['module', 'type', 'all'];

/**
 * Asks what to stop, says how many modules that reaches, and stops them.
 *
 * @param {{type?: string, then?: () => void}} [facts] The type to begin with.
 */
export async function askStop({ type: shown = '', then = () => {} } = {}) {
  const types = session.user.isAdmin ? await readTypes().catch(() => []) : [];
  const type = types.find((known) => known.type.toLowerCase() === shown.toLowerCase())?.type ?? '';
  const reach = new Reach(types);
  const form = formView({
    fields: fieldsOf(types, type),
    outro: reach.element,
    submitLabel: t('stop.make'),
    danger: true,
    cancel: true,
    submit: ({ scope = 'module', ...rest }) => api.post('/emergency-stops', { scope, ...rest }),
    explain: (error) => (error.status === 404 ? t('stop.noModule') : null),
  });
  const tell = async (values) => {
    const count = await reach.look(values);
    if (count !== undefined) form.submitLabel = count ? t('stop.makeCounted', { count }) : t('stop.make');
  };
  form.addEventListener('edited', ({ detail }) => tell(detail));
  const dialog = openDialog(t('stop.askManyTitle'), form);
  form.addEventListener('cancel', () => dialog.close());
  form.addEventListener('done', ({ detail }) => {
    dialog.close();
    tellMade(detail);
    stopsInForce.refresh();
    then();
  });
  if (session.user.isAdmin) tell({ scope: type ? 'type' : 'all', type });
}

function fieldsOf(types, type) {
  const is = (wanted) => ({ scope }) => (scope ?? 'module') === wanted;
  const scope = {
    name: 'scope',
    label: t('stop.what'),
    type: 'select',
    value: type ? 'type' : 'all',
    options: SCOPES.map((value) => ({ value, label: t(`stop.option.${value}`) })),
  };
  const kind = { name: 'type', label: t('module.type'), type: 'select', required: true, value: type, when: is('type') };
  const module = { name: 'moduleId', label: t('choice.module'), hint: t('choice.moduleHint'), required: true, when: is('module'), suggest: findModules };
  const reason = { name: 'reason', label: t('stop.reason') };
  const many = [scope, { ...kind, options: [{ value: '', label: t('choice.type') }, ...typeOptions(types)] }];
  return session.user.isAdmin ? [...many, module, reason] : [module, reason];
}

/** How many modules a stop would reach, in words that follow what somebody chooses. */
class Reach {
  #types;
  #asked = 0;
  element = h('p', { class: 'stop-reach', role: 'status', hidden: true });

  constructor(types) {
    this.#types = types;
  }

  /** Looks, and resolves with the number; with nothing if somebody has chosen otherwise meanwhile. */
  async look({ scope = 'module', type }) {
    const asked = (this.#asked += 1);
    const reached = await this.#count(scope, type).catch(() => null);
    if (asked !== this.#asked) return undefined;
    const words = reached && t('stop.reaches', { count: reached.modules, online: reached.online });
    this.element.hidden = scope !== 'module' && !reached;
    this.element.textContent = scope === 'module' ? t('stop.reachesModuleLater') : `${words} ${t('stop.reachesLater')}`;
    return scope === 'module' ? 1 : (reached?.modules ?? 0);
  }

  async #count(scope, type) {
    if (scope === 'type') return this.#types.find((known) => known.type === type) ?? null;
    if (scope === 'module') return null;
    const total = async (query) => (await api.get('/modules', { query: { ...query, perPage: 1 } })).total;
    const [modules, online] = await Promise.all([total({}), total({ status: 'online' })]);
    return { modules, online };
  }
}

function tellMade(stop) {
  if (!stop.stored) toast(t('stop.madeUnstored'), 'bad');
  else toast(t('stop.made'), 'good');
}

/** Whether this person may clear a stop. */
export function mayClear({ scope }) {
  return scope === 'module' || session.user.isAdmin;
}

/** Clears a stop when somebody agrees. */
export function clearStop(stop, then = () => {}) {
  confirmed({
    title: t('stop.clear'),
    words: `${scopeName(stop)}. ${t(`stop.clearWords.${stop.scope}`)}`,
    label: t('stop.clear'),
    act: () => api.post(`${stopPath(stop.stopId)}/clear`),
    then: () => {
      toast(t('stop.cleared'), 'good');
      stopsInForce.refresh();
      then();
    },
  });
}

/** Shows the modules that a stop concerns, and how far it has come with each. */
export function showStopModules(stop) {
  const table = h('data-table');
  openDialog(t('stop.modulesOf', { name: scopeName(stop) }), table);
  table.definition = {
    name: 'stopModules',
    caption: t('stop.modulesOf', { name: scopeName(stop) }),
    columns: [
      { key: 'name', label: t('module.name'), kind: 'lead', render: ({ moduleId, name }) => h('a', { href: `/modules/${encodeURIComponent(moduleId)}` }, name) },
      { key: 'state', label: t('stop.title'), kind: 'fit', render: ({ state }) => h('span', { class: `tag stop-${state}` }, t(`stop.state.${state}`)) },
      { key: 'status', label: t('module.status'), kind: 'fit', render: ({ status }) => statusBadge(status) },
      { key: 'answeredAt', label: t('stop.answeredAt'), kind: 'fit', render: ({ answeredAt }) => (answeredAt ? moment(answeredAt) : '–') },
    ],
    id: ({ moduleId }) => moduleId,
    load: ({ page, perPage }, signal) => api.get(`${stopPath(stop.stopId)}/modules`, { query: { page, perPage }, signal }),
    sort: '',
    empty: () => message('empty', t('stop.noModules')),
  };
  const follow = () => table.refresh();
  for (const name of ['changed', 'progress']) stopsInForce.addEventListener(name, follow);
  table.closest('modal-dialog').addEventListener('closed', () => {
    for (const name of ['changed', 'progress']) stopsInForce.removeEventListener(name, follow);
  });
}

