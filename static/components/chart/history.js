import { api, modulePath } from '../../lib/api.js';
import { mayBeRaw, stepName, stepOf } from './ranges.js';
import { SeriesSet } from './series.js';

/** As many as the hub gives at once. */
const PAGE = 10000;
/** Beyond so many pages of samples windows are shown instead. */
const RAW_PAGES = 3;
const MOST_PAGES = 20;
const MOST_POINTS = 60000;
/** Readings that were under way when an answer was made are in the next one. */
const OVERLAP_MS = 10000;
/** Nothing is older. */
const BEGINNING = new Date(0).toISOString();

/**
 * What a module has reported of some keys, as far as a chart needs it.
 *
 * An event of a module says what its newest values are; not when they were measured, nor what came between two of them.
 * So an event only says that there is something new, and the history tells what: it is asked again from shortly before its
 * newest point, and the answer takes the place of what was known from there on. Neither can a point stand twice nor be missing
 * where history and live values meet.
 */
export class HistoryReader {
  #path;
  #keys;
  #series = null;

  constructor(moduleId, keys) {
    this.#path = `${modulePath(moduleId)}/telemetry`;
    this.#keys = keys;
  }

  /** What is known; null before the first answer. */
  get series() {
    return this.#series;
  }

  /** Asks from when to when there is anything: `{oldest, newest}`, or null. */
  async reach(signal) {
    const end = async (order) => {
      const query = new URLSearchParams([...this.#keys.map((key) => ['key', key]), ['from', BEGINNING], ['order', order], ['limit', 1]]);
      const { items } = await api.get(`${this.#path}?${query}`, { signal });
      return Date.parse(items[0]?.ts);
    };
    const [oldest, newest] = await Promise.all([end('asc'), end('desc')]);
    return Number.isNaN(oldest + newest) ? null : { oldest, newest };
  }

  /** Asks for a stretch of time as a whole. @param {{from: number, to: number}} bounds */
  async load(bounds, signal) {
    const samples = mayBeRaw(bounds) ? await this.#pages(bounds, null, RAW_PAGES, signal) : null;
    const step = samples ? null : stepOf(bounds);
    const items = samples ?? (await this.#pages(bounds, step, MOST_PAGES, signal));
    const series = new SeriesSet(this.#keys, step);
    series.replace(-Infinity, items ?? []);
    this.#series = series;
  }

  /** Asks for what is new of a stretch that goes on. @param {{from: number, to: number}} bounds */
  async catchUp(bounds, signal) {
    const series = this.#series;
    const newest = Math.max(series.newest, bounds.from);
    const from = series.step === null ? newest - OVERLAP_MS : Math.floor(newest / series.step - 1) * series.step;
    const items = await this.#pages({ from, to: bounds.to }, series.step, RAW_PAGES, signal);
    if (!items || series.size + items.length > MOST_POINTS) return this.load(bounds, signal);
    // Another stretch was asked for meanwhile.
    if (series !== this.#series) return undefined;
    series.replace(from, items);
    return series.forgetBefore(bounds.from);
  }

  // All items, or null when there are more pages than these.
  async #pages({ from, to }, step, most, signal) {
    const query = this.#query({ from, to }, step);
    const items = [];
    for (let page = 0; page < most; page += 1) {
      const answer = await api.get(`${this.#path}?${query}`, { signal });
      items.push(...answer.items);
      if (!answer.next) return items;
      query.set('cursor', answer.next);
    }
    return step === null ? null : items;
  }

  #query({ from, to }, step) {
    const query = stretch(this.#keys, from, to);
    query.set('limit', PAGE);
    if (step === null) return query;
    query.set('interval', stepName(step));
    query.set('agg', 'min,max,mean,count');
    return query;
  }
}

/** The addresses of files with what is shown: `{csv, ndjson}`. */
export function exportAddresses(moduleId, keys, { from, to }) {
  const address = (format) => {
    const query = stretch(keys, from, to);
    query.set('format', format);
    return `/api/v1${modulePath(moduleId)}/telemetry/export?${query}`;
  };
  return { csv: address('csv'), ndjson: address('ndjson') };
}

// The end is not in the stretch, but shown.
function stretch(keys, from, to) {
  const time = (ms) => new Date(ms).toISOString();
  return new URLSearchParams([...keys.map((key) => ['key', key]), ['from', time(Math.floor(from))], ['to', time(Math.ceil(to) + 1)]]);
}
