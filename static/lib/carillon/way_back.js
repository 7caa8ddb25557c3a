const LONGEST_MS = 600000;

/**
 * Looks, beside a stream, whether WebSockets get through again; ever more seldom while they do not.
 *
 * A socket counts when the hub answered through it: something in between may agree to open one and pass nothing on.
 */
export class WayBack {
  #open;
  #found;
  #first;
  #timer = null;
  #line = null;

  /**
   * @param {{open: (tell: import('./parts.d.ts').LineEvents) => import('./parts.d.ts').Line,
   *   found: (line: import('./parts.d.ts').Line) => void, first: () => number}} means
   */
  constructor({ open, found, first }) {
    this.#open = open;
    this.#found = found;
    this.#first = first;
  }

  start(delay = this.#first()) {
    this.stop();
    this.#timer = setTimeout(() => this.#look(delay), delay);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#line?.close();
    this.#line = null;
  }

  #look(delay) {
    const again = () => this.start(Math.min(LONGEST_MS, delay * 2));
    const line = this.#open({
      open: () => line.send({ type: 'ping' }),
      frame: ({ type }) => type === 'pong' && this.#hand(line),
      lost: again,
    });
    this.#line = line;
    this.#timer = setTimeout(again, LONGEST_MS / 60);
  }

  #hand(line) {
    this.#line = null;
    this.stop();
    this.#found(line);
  }
}
