import { ApiError } from '../../lib/api.js';
import { paceOf } from './ranges.js';

/** What is late, or did not change a newest value, is found at the latest by these. */
export const TAIL_MS = 5000;
const WHOLE_MS = 60000;

/** Keeps up what is known of a stretch that goes on: asks for what is new, and now and then for all of it. */
export class Follower {
  #isAsking = false;
  #wholeAt = 0;

  /** All of the stretch has just been read. */
  begin() {
    this.#wholeAt = Date.now();
  }

  /** Whether it is time to ask, also where no event says that there is something new. */
  isDue(bounds) {
    return paceOf(bounds) <= TAIL_MS || this.#isWholeDue;
  }

  get #isWholeDue() {
    return Date.now() - this.#wholeAt > WHOLE_MS;
  }

  /** Asks, unless an answer is awaited; resolves with whether there was one. */
  async follow(reader, bounds, signal) {
    if (this.#isAsking) return false;
    const isWhole = this.#isWholeDue;
    this.#isAsking = true;
    try {
      await (isWhole ? reader.load(bounds, signal) : reader.catchUp(bounds, signal));
      if (isWhole) this.begin();
      return true;
    } catch (error) {
      // The banner of the connection tells what is wrong; the next event or tick asks again.
      if (!(error instanceof ApiError) && !signal.aborted) throw error;
      return false;
    } finally {
      this.#isAsking = false;
    }
  }
}
