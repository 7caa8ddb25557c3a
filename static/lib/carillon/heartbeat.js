const ANSWER_MS = 5000;

/**
 * Notices a connection that died without a word.
 *
 * Silence for a heartbeat asks for a sign of life; silence for another half means that the connection is dead. Where
 * nothing can be asked, the hub speaks once in a heartbeat, and silence for two and a half means it.
 */
export class Heartbeat {
  #ask;
  #dead;
  #timer = null;
  #check = null;
  #lastHeard = 0;

  /** @param {{ask: () => void, dead: () => void}} actions */
  constructor({ ask, dead }) {
    this.#ask = ask;
    this.#dead = dead;
  }

  /** Starts anew. @param {number} everyMs */
  start(everyMs, { canAsk = true } = {}) {
    this.stop();
    this.heard();
    this.#timer = setInterval(() => {
      const silent = Date.now() - this.#lastHeard;
      if (silent > everyMs * (canAsk ? 1.5 : 2.5)) this.#dead();
      else if (silent > everyMs * 0.9) this.#ask();
    }, everyMs / 4);
  }

  /** Asks now, and waits a few seconds only. */
  check() {
    clearTimeout(this.#check);
    const asked = Date.now();
    this.#ask();
    this.#check = setTimeout(() => this.#lastHeard < asked && this.#dead(), ANSWER_MS);
  }

  /** Something came. */
  heard() {
    this.#lastHeard = Date.now();
  }

  stop() {
    clearInterval(this.#timer);
    clearTimeout(this.#check);
  }
}
