import { api, modulePath } from '../lib/api.js';
import { h } from '../lib/dom.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { readJson } from './command-panel.js';
import { explainError, formView } from './form-view.js';
import { toast } from './toast-stack.js';

/**
 * The state that people want of a module beside the one it says it has; live, and changed by merge patches.
 *
 *     h('twin-panel', { 'data-module': 'MC-1001-STN' });
 */
class TwinPanel extends HTMLElement {
  #abort = null;
  #leave = null;
  #twin = null;
  #desired = h('pre', { class: 'json', tabindex: '0' });
  #reported = h('pre', { class: 'json', tabindex: '0' });
  #versions = h('p', { class: 'quiet', role: 'status' });

  connectedCallback() {
    this.#abort = new AbortController();
    this.#leave = [
      session.hub.on('rt_twin_updated', (twin) => twin.moduleId === this.dataset.module && this.#show(twin)),
      session.hub.on('snapshot', ({ topic }) => topic === `module:${this.dataset.module}` && this.#load()),
    ];
    const form = formView({
      fields: [{ name: 'patch', label: t('twin.patch'), required: true, hint: t('twin.patchHint') }],
      submitLabel: t('twin.change'),
      submit: ({ patch }) => this.#change(readJson(patch, 'patch')),
      explain: (error) => explainError(error),
    });
    form.addEventListener('done', ({ detail }) => {
      form.clear();
      this.#show(detail);
      toast(t('twin.changed'), 'good');
    });
    const part = (label, json) => h('div', {}, h('h3', {}, label), json);
    this.replaceChildren(
      h('div', { class: 'twin' }, part(t('twin.desired'), this.#desired), part(t('twin.reported'), this.#reported)),
      this.#versions,
      form,
    );
    this.#load();
  }

  disconnectedCallback() {
    this.#abort.abort();
    for (const leave of this.#leave) leave();
  }

  get #path() {
    return `${modulePath(this.dataset.module)}/twin`;
  }

  #change(patch) {
    return api.patch(this.#path, patch);
  }

  async #load() {
    const signal = this.#abort.signal;
    try {
      this.#show(await api.get(this.#path, { signal }));
    } catch (error) {
      if (!signal.aborted) this.#versions.textContent = explainError(error);
    }
  }

  // An answer to a request may come behind a newer event.
  #show(twin) {
    const age = ({ desiredVersion, reportedVersion }) => desiredVersion + reportedVersion;
    if (this.#twin && age(twin) < age(this.#twin)) return;
    this.#twin = twin;
    tell(this.#desired, twin.desired, 'twin.noneDesired');
    tell(this.#reported, twin.reported, 'twin.noneReported');
    const versions = { desired: twin.desiredVersion, reported: twin.reportedVersion };
    this.#versions.textContent = age(twin) ? t('twin.versions', versions) : '';
  }
}

function tell(place, state, none) {
  const isEmpty = Object.keys(state).length === 0;
  place.classList.toggle('quiet', isEmpty);
  place.textContent = isEmpty ? t(none) : JSON.stringify(state, null, 2);
}

customElements.define('twin-panel', TwinPanel);
