/** @typedef {import('./types.d.ts').EventInfo} EventInfo */

/** Handlers by name of event; one that throws stops no other. */
export class Emitter {
  /** @type {Map<string, Set<Function>>} */
  #handlers = new Map();

  /**
   * Listens to an event; answers a function that stops listening.
   *
   * @param {string} name
   * @param {(data: any, info?: EventInfo) => void} handler
   */
  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
    this.#handlers.get(name).add(handler);
    return () => this.off(name, handler);
  }

  /** Stops listening. @param {string} name @param {(data: any, info?: EventInfo) => void} handler */
  off(name, handler) {
    this.#handlers.get(name)?.delete(handler);
  }

  /** Tells everyone who listens. @param {string} name @param {any} data @param {EventInfo} [info] */
  emit(name, data, info) {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) call(handler, data, info);
  }
}

/** Calls a function of the page, if it gave one; what it throws is reported, and stops nothing. */
export function call(handler, ...given) {
  try {
    handler?.(...given);
  } catch (error) {
    console.error(error);
  }
}
