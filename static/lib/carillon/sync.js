/** What one connecting brings back: from the hello to the moment when all that was missed has been handled. */
export class Sync {
  #topics;
  #welcome = null;
  #replayed = 0;
  #missed = null;

  /** @param {string[]} topics Those that the hello named. */
  constructor(topics) {
    this.#topics = topics;
  }

  /** The hub said welcome. */
  welcomed(frame) {
    this.#welcome = frame;
  }

  /** An event came; those after a welcome that recovered are the missed ones. */
  event() {
    if (this.#welcome?.recovered) this.#replayed += 1;
  }

  /** Some events could not be replayed. @param {number | null} missed */
  gap(missed) {
    this.#missed = missed;
  }

  /**
   * Both sides of what happened.
   *
   * @param {string | null} cursor Of the last frame handled.
   * @returns {[import('./types.js').ServerSync, import('./types.js').ClientSync]}
   */
  report(cursor) {
    const { sessionId, recovered = false, cursor: theirs = null } = this.#welcome;
    return [
      { sessionId, recovered, missed: recovered ? 0 : this.#missed, cursor: theirs },
      { topics: this.#topics, cursor, replayed: this.#replayed },
    ];
  }
}
