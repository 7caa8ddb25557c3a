import { debounced, h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';

/** The control of a field. @param {import('./form-view.js').Field} field @param {string} id */
export function inputOf(field, id) {
  const described = [field.hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(' ');
  const shared = {
    id,
    name: field.name,
    'aria-describedby': described,
    'aria-required': field.required ? 'true' : null,
  };
  if (field.type === 'select') return h('select', shared, optionsOf(field));
  if (field.type === 'checkbox') return h('input', { ...shared, type: 'checkbox', checked: Boolean(field.value) });
  return h('input', {
    ...shared,
    type: field.suggest ? 'text' : (field.type ?? 'text'),
    list: field.suggest ? `${id}-list` : null,
    value: field.value ?? '',
    autocomplete: field.autocomplete ?? 'off',
    spellcheck: 'false',
    autocapitalize: 'none',
  });
}

function optionsOf({ options, value: chosen }) {
  return options.map(({ value, label }) => h('option', { value, selected: value === chosen }, label));
}

/** A list of what a field may say, asked for anew as somebody writes. */
export function suggestionsOf(field, input) {
  const list = h('datalist', { id: `${input.id}-list` });
  const fill = async () => {
    // Nobody has to choose from it; where it cannot be had, one writes.
    const found = await field.suggest(input.value.trim()).catch(() => []);
    list.replaceChildren(...found.map(({ value, label }) => h('option', { value, label })));
  };
  input.addEventListener('input', debounced(fill));
  input.addEventListener('focus', fill, { once: true });
  return list;
}

/** What is wrong with a value, in words; null if nothing is. */
export function faultOf(field, value) {
  if (field.required && !value) return t('form.required');
  if (!value) return null;
  if (field.type === 'email' && !/^[^@\s]+@[^@\s]+$/.test(value)) return t('form.email');
  if (field.minLength && value.length < field.minLength) return t('form.short', { length: field.minLength });
  if (field.pattern && !field.pattern.test(value)) return field.patternHint;
  return null;
}
