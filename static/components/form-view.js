import { ApiError } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { hasWords, t } from '../lib/i18n.js';
import { faultOf, inputOf, suggestionsOf } from './form-inputs.js';

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {'text' | 'email' | 'password' | 'select' | 'checkbox'} [type]
 * @property {string | boolean} [value]
 * @property {boolean} [required]
 * @property {number} [minLength]
 * @property {RegExp} [pattern] With `patternHint`, said when the value does not match.
 * @property {string} [patternHint]
 * @property {string} [hint]
 * @property {string} [autocomplete]
 * @property {{value: string, label: string}[]} [options]
 * @property {(text: string) => Promise<{value: string, label: string}[]>} [suggest] What it may say, offered as somebody writes.
 * @property {(values: object) => boolean} [when] Whether it is asked at all; else it has no value.
 */

/** The field that a kind of problem is about, where the hub does not point at it. */
const PLACES = { 'module-exists': 'moduleId', 'email-taken': 'email' };

let nextId = 0;

/**
 * A form with its errors beside the fields.
 *
 *     const form = formView({ fields, submitLabel, submit: async (values) => api.post('/modules', values) });
 *
 * Fires `edited` (detail: the values) as somebody fills it in, `done` after `submit` resolved, and `cancel`. What `submit` throws as an `ApiError` is shown: field by field when
 * the hub said which field is wrong, above the buttons otherwise.
 */
class FormView extends HTMLElement {
  #definition = null;
  #inputs = new Map();
  #alert = h('p', { class: 'form-alert', role: 'alert', hidden: true });
  #button = null;

  /** @param {{fields: Field[], submitLabel: string, submit: (values: object) => Promise<unknown>, cancel?: boolean, danger?: boolean, intro?: Node, outro?: Node, explain?: (error: ApiError) => string | null,
   *   fieldOf?: (pointer: string) => string}} definition `fieldOf` names the field that a pointer of the hub is about. */
  set definition(definition) {
    this.#definition = definition;
    this.#render();
  }

  /** Changes what the button says. */
  set submitLabel(words) {
    this.#button.textContent = words;
  }

  /** Empties the fields. */
  clear() {
    for (const { input } of this.#inputs.values()) input.value = '';
  }

  #render() {
    const { fields, submitLabel, cancel, danger, intro, outro } = this.#definition;
    this.#button = h('button', { type: 'submit', class: `button ${danger ? 'danger' : 'primary'}` }, submitLabel);
    const cancelButton =
      cancel &&
      h(
        'button',
        { type: 'button', class: 'button', onclick: () => this.dispatchEvent(new Event('cancel')) },
        t('action.cancel'),
      );
    const form = h(
      'form',
      { novalidate: true, onsubmit: (event) => this.#submit(event), oninput: () => this.#edited() },
      intro,
      fields.map((field) => this.#field(field)),
      outro,
      this.#alert,
      h('div', { class: 'form-buttons' }, cancelButton, this.#button),
    );
    this.replaceChildren(form);
    this.#showAsked();
  }

  #edited() {
    this.#showAsked();
    this.dispatchEvent(new CustomEvent('edited', { detail: this.#values() }));
  }

  #showAsked() {
    for (const { field, row } of this.#inputs.values()) row.hidden = !this.#isAsked(field);
  }

  #isAsked({ when }) {
    return !when || when(this.#written());
  }

  #field(field) {
    const id = `field-${(nextId += 1)}`;
    const error = h('p', { class: 'field-error', id: `${id}-error`, hidden: true });
    const hint = field.hint && h('p', { class: 'field-hint', id: `${id}-hint` }, field.hint);
    const input = inputOf(field, id);
    input.addEventListener('input', () => this.#say(field.name, null));
    const label = h(
      'label',
      { for: id },
      field.label,
      !field.required &&
        field.type !== 'checkbox' &&
        field.type !== 'select' &&
        h('span', { class: 'optional' }, ` ${t('form.optional')}`),
    );
    const order = field.type === 'checkbox' ? [h('div', { class: 'check' }, input, label)] : [label, input];
    const row = h('div', { class: 'field' }, order, field.suggest && suggestionsOf(field, input), hint, error);
    this.#inputs.set(field.name, { input, error, field, row });
    return row;
  }

  async #submit(event) {
    event.preventDefault();
    this.#alert.hidden = true;
    if (!this.#check()) return;
    this.#busy(true);
    try {
      const result = await this.#definition.submit(this.#values());
      this.dispatchEvent(new CustomEvent('done', { detail: result }));
    } catch (error) {
      this.#explain(error);
    } finally {
      this.#busy(false);
    }
  }

  #check() {
    for (const { field } of this.#inputs.values())
      this.#say(field.name, this.#isAsked(field) ? faultOf(field, this.#value(field)) : null);
    return !this.#focusFault();
  }

  #values() {
    const asked = [...this.#inputs.values()].filter(({ field }) => this.#isAsked(field));
    return Object.fromEntries(asked.map(({ field }) => [field.name, this.#value(field)]));
  }

  #written() {
    return Object.fromEntries([...this.#inputs.values()].map(({ field }) => [field.name, this.#value(field)]));
  }

  #value(field) {
    const { input } = this.#inputs.get(field.name);
    if (field.type === 'checkbox') return input.checked;
    return field.type === 'password' ? input.value : input.value.trim();
  }

  #explain(error) {
    if (!(error instanceof ApiError)) throw error;
    const { fieldOf } = this.#definition;
    const faults = fieldOf ? (error.problem.errors ?? []).map(({ pointer, detail }) => [fieldOf(pointer), detail]) : [...error.fields];
    const elsewhere = faults.filter(([name, detail]) => !this.#say(name, wordsFor(name, detail)));
    const place = PLACES[error.kind];
    if (place) this.#say(place, explainError(error));
    const told = this.#definition.explain?.(error);
    if (!this.#focusFault() || elsewhere.length || told) {
      this.#alert.textContent = told ?? elsewhere[0]?.[1] ?? explainError(error);
      this.#alert.hidden = false;
    }
  }

  #say(name, fault) {
    const entry = this.#inputs.get(name);
    if (!entry) return false;
    entry.error.textContent = fault ?? '';
    entry.error.hidden = !fault;
    if (fault) entry.input.setAttribute('aria-invalid', 'true');
    else entry.input.removeAttribute('aria-invalid');
    return true;
  }

  #focusFault() {
    const first = [...this.#inputs.values()].find(({ error }) => !error.hidden);
    first?.input.focus();
    return Boolean(first);
  }

  #busy(busy) {
    this.#button.disabled = busy;
    this.#button.toggleAttribute('data-busy', busy);
  }
}

customElements.define('form-view', FormView);

/** Makes a form. */
export function formView(definition) {
  const form = h('form-view');
  form.definition = definition;
  return form;
}

/** What went wrong, for a person. */
export function explainError(error) {
  if (!(error instanceof ApiError)) return t('error.unexpected');
  if (hasWords(`problem.${error.kind}`)) return t(`problem.${error.kind}`);
  if (error.status === 0) return t('error.unreachable');
  if (error.status === 403) return t('error.forbidden');
  if (error.status === 429) return t('error.tooMany', { seconds: error.retryAfter ?? 60 });
  if (error.status >= 500) return t('error.server');
  return error.message;
}

// The hub speaks English; what is often met is said in the language of the page.
function wordsFor(name, detail) {
  return hasWords(`fault.${name}`) ? t(`fault.${name}`) : detail;
}
