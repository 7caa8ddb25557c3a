/** The addresses of one hub, from whatever its user gave: an origin, a path, or the address of `/ws` itself. */
export class Address {
  #base;

  /**
   * @param {string} [given]
   * @param {string} [page] Address of the page that asks, for relative addresses.
   * @throws {TypeError} When there is neither.
   */
  constructor(given, page = globalThis.location?.href) {
    if (!given && !page) throw new TypeError('`url` is missing; outside a browser it says where the hub is');
    const base = new URL(given || '/', page);
    base.protocol = base.protocol.replace(/^ws/, 'http');
    base.pathname = base.pathname.replace(/\/(ws)?$/, '/');
    base.search = '';
    base.hash = '';
    this.#base = base.href;
  }

  /** The WebSocket. @param {string | null} [ticket] */
  socket(ticket) {
    const address = new URL('ws', this.#base);
    address.protocol = address.protocol.replace('http', 'ws');
    if (ticket) address.searchParams.set('ticket', ticket);
    return address.href;
  }

  /**
   * The stream of server-sent events.
   *
   * @param {{topics: import('./types.d.ts').WantedTopic[], fresh?: string[], cursor?: string | null, ticket?: string | null}} wish
   */
  events({ topics, fresh = [], cursor, ticket }) {
    const address = new URL('api/v1/events', this.#base);
    address.searchParams.set('topics', topics.map((wanted) => listed(wanted, fresh)).join(','));
    if (cursor) address.searchParams.set('cursor', cursor);
    if (ticket) address.searchParams.set('ticket', ticket);
    return address.href;
  }

  /** Where tickets are given out. */
  get tickets() {
    return new URL('api/v1/auth/ticket', this.#base).href;
  }
}

/** A topic with what is its own. @param {import('./types.d.ts').WantedTopic} wanted @param {string[]} fresh */
function listed(wanted, fresh) {
  const { topic, maxRate } = typeof wanted === 'string' ? { topic: wanted, maxRate: undefined } : wanted;
  return [topic, ...(maxRate ? [`maxRate=${maxRate}`] : []), ...(fresh.includes(topic) ? ['fresh'] : [])].join(';');
}
