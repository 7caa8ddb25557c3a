import { api } from './api.js';
import { paced } from './dom.js';
import { session } from './session.js';

/** Events tell of every change; this mends what nobody foresaw. */
const LOOK_MS = 300000;
const PAGE = 100;
const PAGES_MAX = 11;

/**
 * The emergency stops in force that concern modules of this person, for whatever shows them on any page. The session hears of
 * them.
 *
 * Fires `changed` (other stops are in force) and `progress` (modules answered).
 */
class StopsInForce extends EventTarget {
  #stops = [];
  #abort = null;
  #looks = 0;
  /** The look of which the answer is shown. */
  #shown = 0;
  #soon = paced(() => this.#look(), 100, 1000);

  constructor() {
    super();
    session.addEventListener('signedIn', () => this.#begin());
    session.addEventListener('signedOut', () => this.#end());
  }

  /** The stops, the newest first. */
  get stops() {
    return this.#stops;
  }

  /** Whether one of them holds a module. @param {{moduleId: string, type: string}} module */
  holds({ moduleId, type }) {
    return this.#stops.some(
      (stop) =>
        stop.scope === 'all' ||
        stop.moduleId === moduleId ||
        (stop.scope === 'type' && stop.type.toLowerCase() === type?.toLowerCase()),
    );
  }

  /** Asks the hub again, soon. */
  refresh() {
    this.#soon();
  }

  #begin() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    for (const name of ['rt_emergency_stop_updated', 'welcome', 'gap']) session.hub.on(name, () => this.#soon());
    // What an admin hears of all stops begins a moment after the welcome; its snapshot says when.
    session.hub.on('snapshot', ({ topic }) => topic === 'alarms' && this.#soon());
    document.addEventListener('visibilitychange', () => this.#soon(), { signal });
    const timer = setInterval(() => this.#soon(), LOOK_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
  }

  #end() {
    this.#abort?.abort();
    this.#abort = null;
    this.#stops = [];
  }

  async #look() {
    const signal = this.#abort?.signal;
    if (!signal || document.hidden) return;
    const look = (this.#looks += 1);
    // What is shown stays where nobody answers; the banner of the connection tells.
    const found = await read(signal).catch(() => null);
    // A slow answer may come behind a newer one.
    if (!found || signal.aborted || look < this.#shown) return;
    this.#shown = look;
    const before = this.#stops.map(({ stopId }) => stopId).join();
    this.#stops = found;
    const isSame = found.map(({ stopId }) => stopId).join() === before;
    this.dispatchEvent(new Event(isSame ? 'progress' : 'changed'));
  }
}

async function read(signal) {
  const stops = [];
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const query = { active: true, page, perPage: PAGE };
    const { items, total } = await api.get('/emergency-stops', { query, signal });
    stops.push(...items);
    if (stops.length >= total) break;
  }
  return stops;
}

/** The stops of this tab's person. */
export const stopsInForce = new StopsInForce();
