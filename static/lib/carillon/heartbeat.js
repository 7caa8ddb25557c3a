/**
 * Notices a connection that died without a word.
 *
 * Silence for a heartbeat asks for a sign of life; silence for another half means that the connection is dead.
 */
export class Heartbeat {
  #ask;
  #dead;
  #timer = null;
  #lastHeard = 0;

  /** @param {{ask: () => void, dead: () => void}} actions */
  constructor({ ask, dead }) {
    this.#ask = ask;
    this.#dead = dead;
  }

  /** Starts anew. @param {number} everyMs */
  start(everyMs) {
    this.stop();
    this.heard();
    this.#timer = setInterval(() => {
      const silent = Date.now() - this.#lastHeard;
      if (silent > everyMs * 1.5) this.#dead();
      else if (silent > everyMs * 0.9) this.#ask();
    }, everyMs / 4);
  }

  /** Something came. */
  heard() {
    this.#lastHeard = Date.now();
  }

  stop() {
    clearInterval(this.#timer);
  }
}
