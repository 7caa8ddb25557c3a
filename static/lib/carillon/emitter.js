/** Handlers by name of event; one that throws stops no other. */
export class Emitter {
  #handlers = new Map();

  /**
   * Listens to an event; answers a function that stops listening.
   *
   * @param {string} name
   * @param {(data: any, info?: {event: string, at: string}) => void} handler
   */
  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
    this.#handlers.get(name).add(handler);
    return () => this.off(name, handler);
  }

  /** Stops listening. */
  off(name, handler) {
    this.#handlers.get(name)?.delete(handler);
  }

  /** Tells everyone who listens. */
  emit(name, data, info) {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      try {
        handler(data, info);
      } catch (error) {
        console.error(error);
      }
    }
  }
}
