import { h } from '../../lib/dom.js';
import { icon } from '../../lib/icons.js';
import { t } from '../../lib/i18n.js';
import { liveView, RANGES } from './ranges.js';
import { inputMoment } from './times.js';

/** What stands above a chart: which stretch is shown, the ways to another, and the files. */
export class ChartTools {
  #act;
  #ranges;
  #custom = button(t('chart.custom'), () => this.#toggleForm(), { 'aria-expanded': 'false' });
  #back;
  #from = moment();
  #to = moment();
  #fault = h('p', { class: 'field-error', role: 'alert', hidden: true });
  #form;
  #files = { csv: file('CSV'), ndjson: file('NDJSON') };
  #bounds = null;

  /** @param {{show: (view: object) => void, change: (step: object) => void, back: () => void}} act */
  constructor(act) {
    this.#act = act;
    this.#ranges = Object.keys(RANGES).map((name) => [name, button(t(`chart.range.${name}`), () => this.#showRange(name))]);
    this.#back = symbol('undo', t('chart.back'), () => act.back());
    this.#form = this.#customForm();
    this.element = h(
      'div',
      { class: 'chart-tools' },
      h('div', { class: 'segments', role: 'group', 'aria-label': t('chart.stretch') }, this.#ranges.map(([, element]) => element), this.#custom),
      h(
        'div',
        { class: 'chart-steps', role: 'group', 'aria-label': t('chart.zoom') },
        this.#back,
        symbol('back', t('chart.earlier'), () => act.change({ move: -0.5 })),
        symbol('next', t('chart.later'), () => act.change({ move: 0.5 })),
        symbol('minus', t('chart.wider'), () => act.change({ zoom: 2 })),
        symbol('plus', t('chart.closer'), () => act.change({ zoom: 0.5 })),
      ),
      h('div', { class: 'chart-files' }, h('span', { class: 'quiet' }, t('chart.export')), Object.values(this.#files)),
      this.#form,
    );
  }

  /** Shows what is shown; no view before one is chosen. @param {{bounds: object, canGoBack: boolean, files: {csv: string, ndjson: string}}} facts */
  show(view, { bounds, canGoBack, files }) {
    this.#bounds = bounds;
    for (const [name, element] of this.#ranges) element.setAttribute('aria-pressed', String(view?.name === name));
    this.#custom.setAttribute('aria-pressed', String(Boolean(view) && !view.name));
    this.#back.disabled = !canGoBack;
    for (const [format, link] of Object.entries(this.#files)) link.href = files[format];
  }

  #customForm() {
    const field = (label, input) => h('label', { class: 'chart-moment' }, h('span', {}, label), input);
    return h(
      'form',
      { class: 'chart-custom', novalidate: true, hidden: true, onsubmit: (event) => this.#submit(event) },
      field(t('chart.from'), this.#from),
      field(t('chart.to'), this.#to),
      h('button', { type: 'submit', class: 'button small primary' }, t('chart.show')),
      this.#fault,
    );
  }

  #showRange(name) {
    if (!this.#form.hidden) this.#toggleForm();
    this.#act.show(liveView(name));
  }

  #toggleForm() {
    this.#form.hidden = !this.#form.hidden;
    this.#custom.setAttribute('aria-expanded', String(!this.#form.hidden));
    if (this.#form.hidden) return;
    const { from, to } = this.#bounds;
    this.#from.value = inputMoment(from);
    this.#to.value = inputMoment(to);
    this.#from.focus();
  }

  #submit(event) {
    event.preventDefault();
    const [from, to] = [this.#from, this.#to].map(({ value }) => new Date(value).getTime());
    this.#fault.hidden = to - from >= 2000;
    if (to - from >= 2000) return this.#act.show({ from, to });
    this.#fault.textContent = t('chart.badStretch');
    return this.#from.focus();
  }
}

function button(words, act, properties = {}) {
  return h('button', { type: 'button', ...properties, onclick: act }, words);
}

function symbol(name, label, act) {
  return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick: act }, icon(name));
}

function moment() {
  return h('input', { type: 'datetime-local', step: '1', required: true });
}

function file(words) {
  return h('a', { class: 'button small', download: true, 'aria-label': t('chart.exportAs', { format: words }) }, words);
}
