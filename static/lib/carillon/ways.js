/** Attempts by WebSocket in a row that reach nobody before something else is tried: fewer where none ever got through. */
const PATIENCE = { fresh: 2, proven: 4 };

/**
 * Which kind of line to open next.
 *
 * Where WebSockets do not get through, every second attempt is by server-sent events; once one of them did, they go first.
 */
export class Ways {
  #kinds;
  #failures = 0;
  #isProven = false;
  #prefersStream = false;

  /** @param {{transports?: import('./types.d.ts').Transport[], hasSockets: boolean}} means */
  constructor({ transports = ['websocket', 'sse'], hasSockets }) {
    this.#kinds = transports.filter((kind) => kind === 'sse' || hasSockets);
    if (!this.#kinds.length)
      throw new TypeError('there is no `WebSocket` here; give one, or allow `sse` in `transports`');
  }

  /** Whether a WebSocket may be tried beside a stream. */
  get hasChoice() {
    return this.#kinds.length > 1;
  }

  /** @returns {import('./types.d.ts').Transport} */
  next() {
    if (!this.hasChoice) return this.#kinds[0];
    const patience = this.#isProven ? PATIENCE.proven : PATIENCE.fresh;
    const beyond = this.#failures - patience;
    const isStreamsTurn = this.#prefersStream ? this.#failures % 2 === 0 : beyond >= 0 && beyond % 2 === 0;
    return isStreamsTurn ? 'sse' : 'websocket';
  }

  /** A line brought a welcome. */
  worked(kind) {
    this.#failures = 0;
    this.#prefersStream = kind === 'sse';
    if (kind === 'websocket') this.#isProven = true;
  }

  /** A line reached nobody. */
  failed() {
    this.#failures += 1;
  }

  /** The hub answered, if only to refuse: the way to it is open. */
  answered() {
    this.#failures = 0;
  }

  /** The network may be another one now. */
  reset() {
    this.#failures = 0;
    this.#isProven = false;
    this.#prefersStream = false;
  }
}
