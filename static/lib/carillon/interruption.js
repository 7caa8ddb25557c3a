/** The time from the loss of a connection to the next that stands. */
export class Interruption {
  /** Whether there was a connection to be interrupted. */
  wasLive = false;
  #since = null;

  /** Begins, unless it has begun; answers whether it does now. */
  begin() {
    if (!this.wasLive || this.#since !== null) return false;
    this.#since = Date.now();
    return true;
  }

  /** For how long it has lasted, in milliseconds; null when there is none. @returns {number | null} */
  get ms() {
    return this.#since === null ? null : Date.now() - this.#since;
  }

  /** What a hello tells of it, for the hub's figures. @param {number} attempts */
  told(attempts) {
    const { ms } = this;
    return ms === null ? {} : { outage: { attempts, ms } };
  }

  /** A connection stands; answers how long it took, or null when nothing was interrupted. */
  end() {
    const { ms } = this;
    this.#since = null;
    this.wasLive = true;
    return ms;
  }

  /** There is nothing to interrupt any more. */
  forget() {
    this.#since = null;
    this.wasLive = false;
  }
}
