import { ApiError } from '../lib/api.js';
import { coalesced, h, paced } from '../lib/dom.js';
import { humanise, inOrder } from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { replaceQuery } from '../lib/router.js';
import { session } from '../lib/session.js';
import { ChartKeys, keysIn, keysText } from './chart/keys.js';
import { Follower, TAIL_MS } from './chart/follower.js';
import { HistoryReader, exportAddresses } from './chart/history.js';
import { inkOf, Plot } from './chart/plot.js';
import { boundsOf, changed, firstView, KEY_STEPS, liveView, queryOf, viewOf } from './chart/ranges.js';
import { extentsOf, scalesOf } from './chart/series.js';
import { shownWords } from './chart/times.js';
import { ChartTools } from './chart/tools.js';
import { failure, message } from './data-table.js';
import { whenThemeChanges } from './theme-switch.js';

/** Keys shown when nobody chose. */
const USUAL_KEYS = 2;
/** Lines do not go to another axis more often than this. */
const AXES_MS = 15000;

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
  /** Keys that had a number or a switch; one that is null for a while stays. */
  #drawable = new Set();
  #abort = null;
  #asking = null;
  #hasFailed = false;
  #leave = [];
  #follower = new Follower();
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
  #drawn = null;
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
    whenThemeChanges(() => this.#draw(), signal);
    document.addEventListener('visibilitychange', () => this.#recover(), { signal });
    const timer = setInterval(() => this.#follower.isDue(this.#bounds) && this.#tailSoon(), TAIL_MS);
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
    const known = this.#drawable.size;
    this.#telemetry = telemetry;
    for (const key of Object.keys(telemetry)) if (['number', 'boolean'].includes(typeof telemetry[key])) this.#drawable.add(key);
    if (isFirst || known !== this.#drawable.size) this.#offerKeys();
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
      session.hub.on('snapshot', ({ topic }) => topic === `module:${this.#id}` && this.#recover()),
      session.hub.on('welcome', () => this.#recover()),
    ];
  }

  #offerKeys() {
    const keys = inOrder([...this.#drawable]);
    const numbers = keys.filter((key) => typeof this.#telemetry[key] === 'number');
    const named = keysIn(new URLSearchParams(location.search).get('keys') ?? '');
    const asked = named.length ? named : this.#keys.chosen;
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
    const step = KEY_STEPS[event.key];
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
    this.#hasFailed = false;
    this.#remember();
    this.#showTools();
    if (!keys.length) return this.#tell(message('signal', t('chart.none'), t(this.#drawable.size ? 'chart.noneHint' : 'telemetry.noneHint')));
    this.setAttribute('aria-busy', 'true');
    if (!this.#reader) this.#tell(h('p', { class: 'quiet' }, t('chart.loading')));
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
    this.#follower.begin();
    this.#draw();
  }

  // The files reach up to now, like the lines.
  #showTools() {
    const [keys, bounds] = [this.#keys.chosen, this.#bounds];
    this.#tools.show(this.#view, { bounds, canGoBack: this.#before.length > 0, files: exportAddresses(this.#id, keys, bounds) });
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
    const reader = this.#reader;
    if (!this.isConnected || !this.#shown.name || !reader?.series || document.hidden) return;
    const isAnswered = await this.#follower.follow(reader, this.#bounds, this.#abort.signal);
    if (isAnswered && reader === this.#reader) this.#update();
  }

  // Whoever could not read the history when it was asked for tries again when the hub is back.
  #recover() {
    if (this.#hasFailed) this.#load();
    else this.#tailSoon();
  }

  #update() {
    const { series } = this.#reader;
    this.#showTools();
    if (this.#isOutgrown(series)) return this.#draw();
    this.#plot.update(series);
    return this.#showValues();
  }

  #draw() {
    const series = this.#reader?.series;
    if (!series || !this.isConnected) return;
    this.#plot?.destroy();
    const scales = this.#scalesOf(series);
    this.#keys.markScales(scales);
    this.#drawn = { step: series.step, isEmpty: series.size === 0, scales: JSON.stringify([...scales]), at: Date.now() };
    this.#plot = new Plot(this.#library, this.#host, this.#drawing(series, scales));
    this.querySelector('.chart-frame').setAttribute('aria-label', t('chart.lines', { keys: series.keys.map(humanise).join(', ') }));
    this.#tell(series.size ? null : message('empty', t('chart.empty'), t('chart.emptyHint')));
    this.#showValues();
  }

  #scalesOf(series) {
    return scalesOf(extentsOf(series, this.#bounds, (key) => typeof this.#telemetry[key] === 'boolean'));
  }

  // What began as samples may go on as windows, the first values may have come, and later ones may need another axis.
  #isOutgrown(series) {
    const { step, isEmpty, scales, at } = this.#drawn;
    if (series.step !== step || (series.size === 0) !== isEmpty) return true;
    return Date.now() - at > AXES_MS && JSON.stringify([...this.#scalesOf(series)]) !== scales;
  }

  #drawing(series, scales) {
    return {
      series,
      scales,
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
    this.#words.textContent = shownWords(this.#bounds, series.step, this.#pointed);
    this.#keys.show((key) => {
      const summary = series.summary(key, this.#bounds);
      return { ...summary, value: this.#pointed ? series.at(key, this.#pointed) : summary?.last };
    });
  }

  #tell(content) {
    this.#notice.replaceChildren(...(content ? [content] : []));
  }

  #fail(error) {
    this.#hasFailed = true;
    this.#tell(failure(error, () => this.#load()));
  }
}

customElements.define('telemetry-chart', TelemetryChart);
