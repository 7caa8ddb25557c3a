/** What one connecting brings back: from its first word to the moment when all that was missed has been handled. */
export class Sync {
  #topics;
  #done;
  #welcome = null;
  #replayed = 0;
  #missed = null;
  #isWanted = false;

  /**
   * @param {string[]} topics Those that were named at the start.
   * @param {() => void} done
   */
  constructor(topics, done) {
    this.#topics = topics;
    this.#done = done;
  }

  /** The hub said welcome. */
  welcomed(frame) {
    this.#welcome = frame;
  }

  /** Somebody wants to know when it is complete. */
  report() {
    this.#isWanted = true;
  }

  /** An event came; those after a welcome that recovered are the missed ones. */
  event() {
    if (this.#isWanted && this.#welcome?.recovered) this.#replayed += 1;
  }

  /** Some events could not be replayed. @param {number | null} missed */
  gap(missed) {
    this.#missed = missed;
  }

  /** The hub has sent all that was missed: it says so, and an older one answers the ping behind its welcome. */
  completed() {
    if (!this.#isWanted) return;
    this.cancel();
    this.#done();
  }

  /** The line is gone. */
  cancel() {
    this.#isWanted = false;
  }

  /**
   * Both sides of what happened.
   *
   * @param {string | null} cursor Of the last frame handled.
   * @returns {[import('./types.d.ts').ServerSync, import('./types.d.ts').ClientSync]}
   */
  sides(cursor) {
    const { sessionId, recovered = false, cursor: theirs = null } = this.#welcome;
    return [
      { sessionId, recovered, missed: recovered ? 0 : this.#missed, cursor: theirs },
      { topics: this.#topics, cursor, replayed: this.#replayed },
    ];
  }
}
