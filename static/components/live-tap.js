import { Carillon } from '../lib/carillon.js';
import { coalesced, h } from '../lib/dom.js';
import { formatClock } from '../lib/format.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';

/** Rows shown; older ones go. */
const MOST = 200;
/** Characters of a payload shown; the whole of it is in the row's title up to ten times as much. */
const SHORT = 300;

/**
 * The live events of a topic or a person, as they go by. Over a connection of its own, so that nothing else of the page
 * shows here, and it ends with it; that somebody looks is written down by the hub before the first event comes.
 *
 *     tap.open({ title: 'Ada', topics: ['tap:user:…', 'tap:modules:…'] });
 *
 * Fires `begun` when the hub listens for it, and has written that down.
 */
class LiveTap extends HTMLElement {
  #hub = null;
  #rows = [];
  #held = [];
  #count = 0;
  /** Topics that the hub has said nothing of yet. */
  #due = 0;
  #isPaused = false;
  #list = h('ol', { class: 'tap-rows', tabindex: '0' });
  #title = h('h3', {});
  #state = h('p', { class: 'quiet', role: 'status' });
  #pause = h('button', { type: 'button', class: 'button small', onclick: () => this.#turn() });
  #panel = h('div', { class: 'card tap-panel', hidden: true });
  #draw = coalesced(() => this.#render(), 200);

  connectedCallback() {
    const clear = h('button', { type: 'button', class: 'button small', onclick: () => this.#clear() }, t('tap.clear'));
    const close = h('button', { type: 'button', class: 'button small', onclick: () => this.close() }, t('tap.end'));
    this.#panel.replaceChildren(
      h('div', { class: 'tap-head' }, h('div', {}, this.#title, this.#state), h('div', { class: 'buttons' }, this.#pause, clear, close)),
      this.#list,
    );
    this.replaceChildren(this.#form(), this.#panel);
    this.#name();
  }

  disconnectedCallback() {
    this.close();
  }

  /** Begins to look; what was looked at before ends. @param {{title: string, topics: string[]}} what */
  open({ title, topics }) {
    this.close();
    this.#clear();
    this.#isPaused = false;
    this.#due = topics.length;
    this.#title.textContent = title;
    this.#list.setAttribute('aria-label', title);
    this.#panel.hidden = false;
    const hub = new Carillon({ topics });
    hub.on('*', (event) => this.#take(event));
    hub.on('snapshot', () => this.#begun());
    hub.on('problem', (problem) => this.#refused(problem));
    hub.on('state', () => this.#draw());
    this.#hub = hub;
    hub.connect();
    this.#render();
    this.#panel.scrollIntoView({ block: 'nearest' });
  }

  /** Ends the tap. */
  close() {
    this.#hub?.close();
    this.#hub = null;
    this.#panel.hidden = true;
  }

  #form() {
    const topic = h('input', {
      type: 'text',
      placeholder: t('tap.placeholder'),
      'aria-label': t('tap.topic'),
      required: true,
      autocomplete: 'off',
      spellcheck: 'false',
    });
    const submit = (event) => {
      event.preventDefault();
      const text = topic.value.trim();
      if (text) this.open({ title: text, topics: [`tap:${text}`] });
    };
    const button = h('button', { type: 'submit', class: 'button' }, icon('eye'), h('span', {}, t('tap.begin')));
    return h('form', { class: 'tap-form', onsubmit: submit }, topic, button);
  }

  // Each topic is told once where it stands, as soon as the hub listens.
  #begun() {
    this.#due -= 1;
    if (this.#due === 0) this.dispatchEvent(new Event('begun'));
    this.#draw();
  }

  #take({ event, data, at }) {
    this.#count += 1;
    const rows = this.#isPaused ? this.#held : this.#rows;
    rows.unshift(rowOf(event, data, at));
    rows.length = Math.min(rows.length, MOST);
    this.#draw();
  }

  #refused({ status, detail }) {
    this.#due = 0;
    const words = { 403: t('error.forbidden'), 422: t('tap.noTopic') }[status] ?? detail ?? t('error.unexpected');
    this.#rows.unshift(h('li', { class: 'tap-refused' }, icon('warning'), h('span', {}, words)));
    this.#draw();
  }

  #turn() {
    this.#isPaused = !this.#isPaused;
    if (!this.#isPaused) {
      this.#rows = [...this.#held, ...this.#rows].slice(0, MOST);
      this.#held = [];
    }
    this.#render();
  }

  #clear() {
    this.#rows = [];
    this.#held = [];
    this.#count = 0;
    this.#render();
  }

  #name() {
    this.#pause.replaceChildren(
      icon(this.#isPaused ? 'play' : 'pause'),
      h('span', {}, t(this.#isPaused ? 'tap.goOn' : 'tap.pause')),
    );
  }

  #render() {
    this.#name();
    if (!this.#hub) return;
    const state = this.#hub.state === 'live' && this.#due > 0 ? 'connecting' : this.#hub.state;
    const live = state === 'live' ? t('tap.seen', { count: this.#count }) : t(`connection.${state}`);
    this.#state.textContent = this.#isPaused ? t('tap.held', { count: this.#held.length }) : live;
    const empty = h('li', { class: 'quiet' }, t('tap.empty'));
    this.#list.replaceChildren(...(this.#rows.length ? this.#rows : [empty]));
  }
}

function rowOf(event, data, at) {
  const text = JSON.stringify(data);
  const short = text.length > SHORT ? `${text.slice(0, SHORT)}…` : text;
  return h(
    'li',
    {},
    h('time', { class: 'numbers quiet', datetime: at }, formatClock(at)),
    h('code', { class: 'tap-event' }, event),
    h('code', { class: 'tap-data', title: text.length > SHORT ? text.slice(0, SHORT * 10) : null }, short),
  );
}

customElements.define('live-tap', LiveTap);
