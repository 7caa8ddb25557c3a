import { RefusedError } from './refused.js';

const TIMEOUT_MS = 15000;

/** Requests that wait for their reply, by id. */
export class Requests {
  #waiting = new Map();
  #nextId = 1;

  /**
   * Sends a frame with the next id; resolves with the data of its reply, and rejects when the hub refuses or is silent.
   *
   * @param {object} frame
   * @param {(frame: object) => void} send
   */
  ask(frame, send) {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.answer({ id, ok: false, problem: { title: 'no answer in time' } }),
        TIMEOUT_MS,
      );
      this.#waiting.set(id, { resolve, reject, timer });
      send({ ...frame, id });
    });
  }

  /**
   * Settles the request that a reply belongs to; answers whether there was one.
   *
   * @param {{id: number, ok: boolean, data?: unknown, problem?: import('./types.d.ts').Problem}} reply
   */
  answer({ id, ok, data, problem }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return false;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    if (ok) waiting.resolve(data);
    else waiting.reject(new RefusedError(problem ?? {}));
    return true;
  }

  /** Rejects all that wait: the connection is gone. */
  abandon() {
    for (const id of [...this.#waiting.keys()]) this.answer({ id, ok: false, problem: { title: 'connection lost' } });
  }
}
