import { RefusedError } from './refused.js';

/** Changes of topics that come together are made together. */
const TOGETHER_MS = 30;

/** Changes of topics on a stream: it is opened anew, and they are made when it has said all that it begins with. */
export class Turns {
  #reopen;
  #timer = null;
  #waiting = [];

  /** @param {() => void} reopen */
  constructor(reopen) {
    this.#reopen = reopen;
  }

  /** Asks for a turn; resolves when the hub has taken it. @param {string[]} topics @returns {Promise<void>} */
  next(topics) {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#reopen();
    }, TOGETHER_MS);
    return new Promise((resolve, reject) => this.#waiting.push({ topics, resolve, reject }));
  }

  /** A stream has begun; those who asked since then wait for the next. */
  taken() {
    if (this.#timer === null) for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Some topics may not be had; answers whether somebody waits for one of them. */
  refused(topics, problem) {
    const [theirs, others] = [[], []];
    for (const turn of this.#waiting)
      (turn.topics.some((topic) => topics.includes(topic)) ? theirs : others).push(turn);
    this.#waiting = others;
    for (const { reject } of theirs) reject(new RefusedError(problem));
    return theirs.length > 0;
  }

  /** The line is gone. */
  abandon() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const { reject } of this.#waiting.splice(0)) reject(new RefusedError({ title: 'connection lost' }));
  }
}
