/**
 * Who on a page listens to which topic of the one connection: a topic is asked for as often as the most curious of its
 * listeners wants, and given up with the last of them.
 */
export class Listeners {
  #hub;
  /** @type {Map<string, Set<{maxRate: number | null}>>} */
  #wishes = new Map();

  /** @param {import('./carillon.js').Carillon} hub */
  constructor(hub) {
    this.#hub = hub;
  }

  /**
   * Listens to a topic; its snapshot comes, also where others listened before.
   *
   * @param {string} topic
   * @param {{maxRate?: number | null}} [options] Highest number of updates a second of each state.
   * @returns {() => void} Stops listening.
   */
  add(topic, { maxRate = null } = {}) {
    const wish = { maxRate };
    const wishes = this.#wishes.get(topic) ?? new Set();
    // What was asked for anew begins with a snapshot, whichever way the events come.
    if (wishes.size) this.#leave(topic);
    this.#wishes.set(topic, wishes.add(wish));
    this.#ask(topic);
    return () => this.#remove(topic, wish);
  }

  #remove(topic, wish) {
    const wishes = this.#wishes.get(topic);
    const before = rateOf(wishes);
    if (!wishes.delete(wish)) return;
    if (wishes.size && rateOf(wishes) !== before) this.#ask(topic);
    if (wishes.size) return;
    this.#wishes.delete(topic);
    this.#leave(topic);
  }

  // A refusal is told as a problem; an interruption mends itself.
  #ask(topic) {
    this.#hub.subscribe([topic], { maxRate: rateOf(this.#wishes.get(topic)) }).catch(() => {});
  }

  #leave(topic) {
    this.#hub.unsubscribe([topic]).catch(() => {});
  }
}

// No rate is the highest.
function rateOf(wishes) {
  const rates = [...wishes].map(({ maxRate }) => maxRate);
  return rates.includes(null) ? null : Math.max(...rates);
}
