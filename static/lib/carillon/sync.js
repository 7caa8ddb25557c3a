/** How long a stream is quiet when everything that was missed has come; it cannot be asked. */
const QUIET_MS = 500;
/** When that is taken for granted on a stream that is never quiet. */
const BUSY_MS = 5000;

/** What one connecting brings back: from its first word to the moment when all that was missed has been handled. */
export class Sync {
  #topics;
  #kind;
  #done;
  #welcome = null;
  #replayed = 0;
  #missed = null;
  #isWanted = false;
  #timer = null;
  #until = 0;

  /**
   * @param {string[]} topics Those that were named at the start.
   * @param {import('./types.d.ts').Transport} kind
   * @param {() => void} done
   */
  constructor(topics, kind, done) {
    this.#topics = topics;
    this.#kind = kind;
    this.#done = done;
  }

  /** The hub said welcome. */
  welcomed(frame) {
    this.#welcome = frame;
  }

  /** Somebody wants to know when it is complete. */
  report() {
    this.#isWanted = true;
    this.#until = Date.now() + BUSY_MS;
  }

  /** An event came; those after a welcome that recovered are the missed ones. */
  event() {
    if (this.#isWanted && this.#welcome?.recovered) this.#replayed += 1;
  }

  /** Some events could not be replayed. @param {number | null} missed */
  gap(missed) {
    this.#missed = missed;
  }

  /** A frame has been handled. */
  passed() {
    if (this.#kind !== 'sse' || !this.#isWanted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#complete(), Math.min(QUIET_MS, Math.max(0, this.#until - Date.now())));
  }

  /** The hub answered the ping that was sent after its welcome: what was missed has been sent before. */
  ponged() {
    if (this.#isWanted) this.#complete();
  }

  /** The line is gone. */
  cancel() {
    this.#isWanted = false;
    clearTimeout(this.#timer);
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

  #complete() {
    this.cancel();
    this.#done();
  }
}
