import { api } from '../lib/api.js';
import { t } from '../lib/i18n.js';

const PAGE = 100;
/** More types than anybody would look through. */
const PAGES_MAX = 5;
const FOUND_MAX = 20;

/** The types there are: `{type, modules, online}`. @returns {Promise<{type: string, modules: number, online: number}[]>} */
export async function readTypes() {
  const types = [];
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const { items, total } = await api.get('/module-types', { query: { page, perPage: PAGE } });
    types.push(...items);
    if (types.length >= total) break;
  }
  return types;
}

/** Types to choose from, each with the number of its modules. */
export function typeOptions(types) {
  return types.map(({ type, modules: count }) => ({ value: type, label: t('module.typeOf', { type, count }) }));
}

/** Modules with a text in their id or name, to choose from. @param {string} search */
export async function findModules(search) {
  const { items } = await api.get('/modules', { query: { search, perPage: FOUND_MAX, sort: 'name' } });
  return items.map(({ moduleId, name }) => ({ value: moduleId, label: name }));
}
