/** Counters of one client. */
export class Statistics {
  received = 0;
  reconnections = 0;
  failures = 0;
  replayed = 0;
  /** How long the last interruption lasted, in milliseconds. @type {number | null} */
  lastReconnectMs = null;
  #areOn = true;

  /** Whether anything is counted. */
  set areOn(areOn) {
    this.#areOn = areOn;
  }

  /** @param {Partial<Record<'received' | 'reconnections' | 'failures' | 'replayed', number>>} more */
  count(more) {
    if (!this.#areOn) return;
    for (const [name, count] of Object.entries(more)) this[name] += count;
  }

  /** A connection is back. @param {number} downMs */
  reconnected(downMs) {
    this.count({ reconnections: 1 });
    if (this.#areOn) this.lastReconnectMs = downMs;
  }
}
