import { ApiError } from '../lib/api.js';
import { coalesced, h, paced } from '../lib/dom.js';
import { formatMoment, humanise, inOrder } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { lengthWords } from '../lib/lengths.js';
import { replaceQuery } from '../lib/router.js';
import { session } from '../lib/session.js';
import { ChartKeys, keysIn, keysText } from './chart/keys.js';
import { HistoryReader, exportAddress } from './chart/history.js';
import { inkOf, Plot } from './chart/plot.js';
import { boundsOf, changed, firstView, liveView, paceOf, queryOf, stepName, viewOf } from './chart/ranges.js';
import { scalesOf } from './chart/series.js';
import { stretchWords } from './chart/times.js';
import { ChartTools } from './chart/tools.js';
import { message } from './data-table.js';
import { explainError } from './form-view.js';

/** Keys shown when nobody chose. */
const USUAL_KEYS = 2;
/** What is late, or did not change a newest value, is found at the latest by these. */
const TAIL_MS = 5000;
const WHOLE_MS = 60000;
const STEPS = { ArrowLeft: { move: -0.25 }, ArrowRight: { move: 0.25 }, '+': { zoom: 0.5 }, '-': { zoom: 2 } };

/**
 * The history of a module as lines that go on live. Which stretch and which keys are shown stands in the address.
 *
 *     chart.telemetry = module.telemetry;  chart.marks = [{ key: 'temperature', value: 30, severity: 'critical' }];
 *
 * `data-module` is the module. The table below is its text alternative, and says what stands under the cursor.
 */
class TelemetryChart extends HTMLElement {
  #view = viewOf(new URLSearchParams(location.search));
  #before = [];
  #reader = null;
  #plot = null;
  #marks = [];
  #telemetry = null;
  #abort = null;
  #asking = null;
  #isTailing = false;
  #leave = [];
  #wholeAt = 0;
  #host = h('div', { class: 'chart-plot' });
  #notice = h('div', { class: 'chart-notice', role: 'status' });
  #words = h('p', { class: 'chart-words numbers' });
  #keys = new ChartKeys(() => this.#load());
  #tools = new ChartTools({
    show: (view) => this.#go(view),
    change: (step) => this.#step(step),
    back: () => this.#back(),
  });
  #tailSoon = paced(() => this.#tail(), 300, 1000);
  #showValuesSoon = coalesced(() => this.#showValues(), 30);
  #pointed = null;
  #library = null;
  #drawnStep = null;
  #ink = h('span', { hidden: true });

  connectedCallback() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    const frame = h('div', { class: 'chart-frame', role: 'group', tabindex: '0', 'aria-describedby': 'chart-keys' }, this.#host, this.#notice);
    frame.addEventListener('keydown', (event) => this.#press(event));
    this.replaceChildren(
      this.#tools.element,
      this.#words,
      frame,
      h('p', { class: 'visually-hidden', id: 'chart-keys' }, t('chart.keyboard')),
      this.#keys.element,
      this.#ink,
    );
    const size = new ResizeObserver(() => this.#plot?.resize(this.#host));
    size.observe(this.#host);
    signal.addEventListener('abort', () => size.disconnect());
    addEventListener('carillon:theme', () => this.#draw(), { signal });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw(), { signal });
    document.addEventListener('visibilitychange', () => this.#tailSoon(), { signal });
    const timer = setInterval(() => this.#tick(), TAIL_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
    this.#follow();
  }

  disconnectedCallback() {
    this.#abort.abort();
    this.#asking?.abort();
    for (const leave of this.#leave) leave();
    this.#plot?.destroy();
    this.#plot = null;
  }

  /** The newest values of the module, by key. */
  set telemetry(telemetry) {
    const isFirst = this.#telemetry === null;
    const known = Object.keys(this.#telemetry ?? {}).length;
    this.#telemetry = telemetry;
    if (isFirst || known !== Object.keys(telemetry).length) this.#offerKeys();
  }

  /** Values that are drawn across the lines of their key. */
  set marks(marks) {
    if (JSON.stringify(marks) === JSON.stringify(this.#marks)) return;
    this.#marks = marks;
    this.#draw();
  }

  /** What is shown of a key: `[{ts, mid, low, high}]`, by time. */
  points(key) {
    return this.#reader?.series?.points(key) ?? [];
  }

  get #id() {
    return this.dataset.module;
  }

  // Until the history was asked how far it reaches, nobody knows which stretch suits it.
  get #shown() {
    return this.#view ?? firstView(Date.now(), null);
  }

  get #bounds() {
    return boundsOf(this.#shown, Date.now());
  }

  #follow() {
    const mine = ({ moduleId }) => moduleId === this.#id && this.#tailSoon();
    this.#leave = [
      session.hub.on('rt_telemetry_updated', mine),
      session.hub.on('snapshot', ({ topic }) => topic === `module:${this.#id}` && this.#tailSoon()),
    ];
  }

  #offerKeys() {
    const keys = inOrder(Object.keys(this.#telemetry)).filter((key) => ['number', 'boolean'].includes(typeof this.#telemetry[key]));
    const numbers = keys.filter((key) => typeof this.#telemetry[key] === 'number');
    const asked = keysIn(new URLSearchParams(location.search).get('keys') ?? '');
    this.#keys.offer(keys, asked, [...new Set([...numbers, ...keys])].slice(0, USUAL_KEYS));
    this.#load();
  }

  #go(view, { isBack = false } = {}) {
    if (!isBack) this.#before = [...this.#before, this.#shown].slice(-50);
    this.#view = view;
    this.#load();
  }

  #back() {
    const view = this.#before.pop();
    if (view) this.#go(view, { isBack: true });
  }

  #step(step) {
    this.#go(changed(this.#shown, Date.now(), step));
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key === '=' ? '+' : event.key];
    if (step) this.#step(step);
    else if (event.key === 'Escape' && this.#before.length) this.#back();
    else if (event.key === 'Home') this.#go(liveView(this.#shown.name ?? '1h'));
    else return;
    event.preventDefault();
  }

  async #load() {
    const keys = this.#keys.chosen;
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#remember();
    this.#showTools();
    if (!keys.length) return this.#tell(message('signal', t('chart.none'), t('chart.noneHint')));
    this.setAttribute('aria-busy', 'true');
    try {
      await this.#read(new HistoryReader(this.#id, keys), signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(error);
      if (!(error instanceof ApiError)) throw error;
    } finally {
      if (!signal.aborted) this.removeAttribute('aria-busy');
    }
  }

  async #read(reader, signal) {
    const library = Plot.library();
    if (!this.#view) {
      const reach = await reader.reach(signal);
      signal.throwIfAborted();
      this.#view = firstView(Date.now(), reach);
      this.#showTools();
    }
    [this.#library] = await Promise.all([library, reader.load(this.#bounds, signal)]);
    if (signal.aborted) return;
    this.#reader = reader;
    this.#wholeAt = Date.now();
    this.#draw();
  }

  // The files reach up to now, like the lines.
  #showTools() {
    const [keys, bounds] = [this.#keys.chosen, this.#bounds];
    const files = ['csv', 'ndjson'].map((format) => [format, exportAddress(this.#id, keys, bounds, format)]);
    this.#tools.show(this.#view, { bounds, canGoBack: this.#before.length > 0, files: Object.fromEntries(files) });
  }

  // What is asked for stands in the address, so that it can be shared; other parts of the query stay.
  #remember() {
    if (!this.isConnected) return;
    const query = Object.fromEntries(new URLSearchParams(location.search));
    for (const name of ['from', 'to', 'range', 'keys']) delete query[name];
    const keys = this.#keys.isUsual ? {} : { keys: keysText(this.#keys.chosen) };
    replaceQuery({ ...query, ...queryOf(this.#view), ...keys });
  }

  async #tail() {
    if (!this.isConnected || !this.#shown.name || !this.#reader?.series || this.#isTailing || document.hidden) return;
    const reader = this.#reader;
    const isWhole = Date.now() - this.#wholeAt > WHOLE_MS;
    this.#isTailing = true;
    try {
      const { signal } = this.#abort;
      await (isWhole ? reader.load(this.#bounds, signal) : reader.catchUp(this.#bounds, signal));
      if (isWhole) this.#wholeAt = Date.now();
      if (reader === this.#reader) this.#update();
    } catch (error) {
      // The banner of the connection tells what is wrong; the next event or tick asks again.
      if (!(error instanceof ApiError) && !this.#abort.signal.aborted) throw error;
    } finally {
      this.#isTailing = false;
    }
  }

  #tick() {
    if (paceOf(this.#bounds) <= TAIL_MS || Date.now() - this.#wholeAt > WHOLE_MS) this.#tailSoon();
  }

  #update() {
    const { series } = this.#reader;
    this.#showTools();
    // What began as samples may go on as windows.
    if (series.step !== this.#drawnStep) return this.#draw();
    this.#plot.update(series);
    return this.#showValues();
  }

  #draw() {
    const series = this.#reader?.series;
    if (!series || !this.isConnected) return;
    this.#plot?.destroy();
    this.#drawnStep = series.step;
    this.#plot = new Plot(this.#library, this.#host, this.#drawing(series));
    this.querySelector('.chart-frame').setAttribute('aria-label', t('chart.lines', { keys: series.keys.map(humanise).join(', ') }));
    this.#tell(series.size ? null : message('empty', t('chart.empty'), t('chart.emptyHint')));
    this.#showValues();
  }

  #drawing(series) {
    const bounds = this.#bounds;
    const extents = series.keys.map((key) => {
      const { low = 0, high = 0 } = series.summary(key, bounds) ?? {};
      return { key, low, high, isSwitch: typeof this.#telemetry[key] === 'boolean' };
    });
    return {
      series,
      scales: scalesOf(extents),
      marks: this.#marks,
      ink: (name) => inkOf(this.#ink, name),
      bounds: () => this.#bounds,
      onselect: (stretch) => this.#go(stretch),
      onpoint: (time) => {
        this.#pointed = time;
        this.#showValuesSoon();
      },
    };
  }

  #showValues() {
    const series = this.#reader?.series;
    if (!series || !this.isConnected) return;
    const bounds = this.#bounds;
    const words = { stretch: stretchWords(bounds), time: this.#pointed && formatMoment(this.#pointed) };
    this.#words.textContent = t(this.#pointed ? 'chart.pointed' : series.step ? 'chart.windows' : 'chart.samples', {
      ...words,
      step: series.step ? lengthWords(stepName(series.step)) : '',
    });
    this.#keys.show((key) => {
      const summary = series.summary(key, bounds);
      return { ...summary, value: this.#pointed ? series.at(key, this.#pointed) : summary?.last };
    });
  }

  #tell(content) {
    this.#notice.replaceChildren(...(content ? [content] : []));
  }

  #fail(error) {
    const retry = h('button', { type: 'button', class: 'button', onclick: () => this.#load() }, t('action.retry'));
    this.#tell(message('warning', t('table.failed'), explainError(error), retry));
  }
}

customElements.define('telemetry-chart', TelemetryChart);
