import { ApiError, api, modulePath } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { explainError, formView } from './form-view.js';

/**
 * Tells a module to do something and shows what it answered.
 *
 *     h('command-panel', { 'data-module': 'MC-1001-STN' });
 */
class CommandPanel extends HTMLElement {
  #told = h('div', { class: 'command-told', role: 'status' });

  connectedCallback() {
    const form = formView({
      fields: [
        { name: 'command', label: t('command.name'), required: true, hint: t('command.nameHint') },
        { name: 'params', label: t('command.params'), hint: t('command.paramsHint') },
      ],
      submitLabel: t('command.send'),
      submit: (values) => this.#send(values),
      explain: (error) => explainError(error),
    });
    form.addEventListener('done', ({ detail }) => this.#show(detail));
    this.replaceChildren(form, this.#told);
  }

  #send({ command, params }) {
    this.#told.replaceChildren();
    const body = { command, ...(params && { params: readJson(params, 'params') }) };
    this.#told.replaceChildren(h('p', { class: 'quiet' }, t('command.waiting')));
    return api.post(`${modulePath(this.dataset.module)}/commands`, body).catch((error) => {
      this.#told.replaceChildren();
      throw error;
    });
  }

  #show({ ok, result }) {
    this.#told.replaceChildren(
      h('p', { class: `command-outcome ${ok ? 'good' : 'bad'}` }, icon(ok ? 'check' : 'warning'), t(ok ? 'command.ok' : 'command.notOk')),
      h('pre', { class: 'json', tabindex: '0' }, JSON.stringify(result, null, 2)),
    );
  }
}

customElements.define('command-panel', CommandPanel);

/** Reads what a person wrote as JSON; what is none is told at the field. */
export function readJson(text, field) {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(422, { title: '', errors: [{ pointer: `/${field}`, detail: t('form.badJson') }] });
  }
}
