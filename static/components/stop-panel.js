import { api, stopPath } from '../lib/api.js';
import { coalesced, h } from '../lib/dom.js';
import { formatMoment } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';
import { session } from '../lib/session.js';
import { explainError, formView } from './form-view.js';
import { openDialog } from './modal-dialog.js';
import { confirmed } from './module-dialogs.js';
import { toast } from './toast-stack.js';

/**
 * The emergency stops that hold a module, until somebody clears them, and the button that makes one.
 *
 *     h('stop-panel', { 'data-module': 'MC-1001-STN' });
 */
class StopPanel extends HTMLElement {
  #abort = null;
  #leave = null;
  #list = h('div', { class: 'stops', role: 'status' });
  #loadSoon = coalesced(() => this.#load(), 200);

  connectedCallback() {
    this.#abort = new AbortController();
    const mine = ({ moduleId }) => moduleId === this.#id && this.#loadSoon();
    this.#leave = [
      session.hub.on('rt_emergency_stop_updated', mine),
      session.hub.on('snapshot', ({ topic }) => topic === `module:${this.#id}` && this.#loadSoon()),
    ];
    const stop = h(
      'button',
      { type: 'button', class: 'button danger stop-button', onclick: () => this.#ask() },
      icon('warning'),
      h('span', {}, t('stop.make')),
    );
    this.replaceChildren(h('p', { class: 'quiet' }, t('stop.words')), this.#list, stop);
    this.#load();
  }

  disconnectedCallback() {
    this.#abort.abort();
    for (const leave of this.#leave) leave();
  }

  get #id() {
    return this.dataset.module;
  }

  async #load() {
    if (!this.isConnected) return;
    const query = { active: true, moduleId: this.#id };
    const signal = this.#abort.signal;
    try {
      const { items } = await api.get('/emergency-stops', { query, signal });
      const states = await Promise.all(items.map((stop) => this.#stateOf(stop, signal)));
      this.#list.replaceChildren(...items.map((stop, place) => this.#card(stop, states[place])));
    } catch (error) {
      if (!signal.aborted) this.#list.replaceChildren(h('p', { class: 'form-alert' }, explainError(error)));
    }
  }

  // Of a stop for one module the counts tell its state; of a wider one, its own line in the list.
  async #stateOf(stop, signal) {
    if (stop.scope === 'module')
      return stop.acknowledged ? 'acknowledged' : stop.refused ? 'refused' : 'pending';
    const options = { query: { moduleId: this.#id }, signal };
    const { items } = await api.get(`${stopPath(stop.stopId)}/modules`, options);
    return items[0]?.state ?? 'pending';
  }

  #card(stop, state) {
    const mayClear = stop.scope === 'module' || session.user.isAdmin;
    return h(
      'div',
      { class: `stop ${state}`, 'data-state': state },
      icon('warning'),
      h(
        'div',
        { class: 'stop-words' },
        h('strong', {}, t(`stop.${state}`)),
        h('span', {}, t(`stop.scope.${stop.scope}`, { type: stop.type ?? '' }), ' · ', formatMoment(stop.createdAt)),
        stop.reason && h('span', { class: 'quiet' }, stop.reason),
      ),
      mayClear &&
        h('button', { type: 'button', class: 'button small', onclick: () => this.#clear(stop) }, t('stop.clear')),
    );
  }

  #ask() {
    const form = formView({
      fields: [{ name: 'reason', label: t('stop.reason') }],
      intro: h('p', {}, t('stop.askWords', { id: this.#id })),
      submitLabel: t('stop.make'),
      danger: true,
      cancel: true,
      submit: ({ reason }) => api.post('/emergency-stops', { scope: 'module', moduleId: this.#id, reason }),
    });
    const dialog = openDialog(t('stop.askTitle'), form);
    form.addEventListener('cancel', () => dialog.close());
    form.addEventListener('done', () => {
      dialog.close();
      this.#load();
    });
  }

  #clear(stop) {
    confirmed({
      title: t('stop.clear'),
      words: t(`stop.clearWords.${stop.scope}`),
      label: t('stop.clear'),
      act: () => api.post(`${stopPath(stop.stopId)}/clear`),
      then: () => {
        toast(t('stop.cleared'), 'good');
        this.#load();
      },
    });
  }
}

customElements.define('stop-panel', StopPanel);
