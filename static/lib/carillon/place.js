const RATE_MIN = 0.001;
const RATE_MAX = 1000;

/** @typedef {import('./types.d.ts').WantedTopic} WantedTopic */

/**
 * Where a client stands in the hub's order, and what it listens to.
 *
 * Invariant: a topic is settled while everything that was seen of it, its snapshot first, reaches up to the cursor; only
 * settled topics are resumed from the cursor, the others begin with a snapshot.
 */
export class Place {
  /** @type {string | null} */
  cursor = null;
  /** Topics wanted, and how often at most newer values are. @type {Map<string, number | null>} */
  #wanted = new Map();
  #settled = new Set();
  #asked = new Set();
  /** @type {string[]} What the line was asked for at its start, in this order. */
  #named = [];
  #welcome = null;

  /** @param {WantedTopic[]} topics @param {{cursor: string, topics: string[]} | null} [bookmark] */
  constructor(topics, bookmark) {
    for (const wanted of topics) {
      const { topic, maxRate } = typeof wanted === 'string' ? { topic: wanted, maxRate: null } : wanted;
      this.add([topic], maxRate);
    }
    if (!bookmark?.cursor) return;
    this.cursor = bookmark.cursor;
    for (const topic of bookmark.topics ?? []) {
      if (!this.#wanted.has(topic)) this.add([topic]);
      this.#settled.add(topic);
    }
  }

  /** Topics wanted, whether or not there is a line. */
  get topics() {
    return [...this.#wanted.keys()];
  }

  /** What another client needs to go on from here. */
  get bookmark() {
    return this.cursor ? { cursor: this.cursor, topics: this.#only(this.#settled) } : null;
  }

  /** Forgets the order; the topics stay wanted. */
  forget() {
    this.cursor = null;
    this.#settled.clear();
    this.#asked.clear();
  }

  /** Where a line begins that can be asked for more topics later. */
  start() {
    return this.#begin(this.cursor ? this.#only(this.#settled) : this.topics);
  }

  /** Where a line begins that must name all its topics; those that are `fresh` do not go on from the cursor. */
  startWhole() {
    const fresh = this.cursor ? this.topics.filter((topic) => !this.#settled.has(topic)) : [];
    return { ...this.#begin(this.topics), fresh };
  }

  /**
   * Topics as the hub is asked for them: with their rate, where they have one.
   *
   * @param {string[]} topics
   * @returns {WantedTopic[]}
   */
  withRates(topics) {
    return topics.map((topic) => {
      const maxRate = this.#wanted.get(topic);
      return maxRate ? { topic, maxRate } : topic;
    });
  }

  /** How often at most newer values of a topic are wanted; undefined when the topic is not. @param {string} topic */
  rateOf(topic) {
    return this.#wanted.get(topic);
  }

  /** Topics that the present line was not asked for as they are wanted now. */
  get late() {
    return this.topics.filter((topic) => !this.#asked.has(topic));
  }

  /** The same, those of one rate together. @returns {Map<number | null, string[]>} */
  get lateByRate() {
    const groups = new Map();
    for (const topic of this.late) {
      const rate = this.#wanted.get(topic);
      groups.set(rate, [...(groups.get(rate) ?? []), topic]);
    }
    return groups;
  }

  /**
   * Wants topics; answers what takes that back when the hub refuses.
   *
   * @param {string[]} topics
   * @param {number | null} [maxRate]
   * @throws {RangeError}
   */
  add(topics, maxRate = null) {
    const isRate = typeof maxRate === 'number' && maxRate >= RATE_MIN && maxRate <= RATE_MAX;
    if (maxRate !== null && !isRate)
      throw new RangeError(`\`maxRate\` must be from ${RATE_MIN} to ${RATE_MAX}, in updates a second`);
    const before = new Map(topics.map((topic) => [topic, this.#asked.has(topic) ? this.#wanted.get(topic) : undefined]));
    for (const topic of topics) {
      if (this.#wanted.get(topic) !== maxRate) this.#asked.delete(topic);
      this.#wanted.set(topic, maxRate);
    }
    return () => {
      for (const [topic, rate] of before) {
        if (rate === undefined) this.remove([topic]);
        else if (this.#wanted.has(topic)) this.#wanted.set(topic, rate);
      }
    };
  }

  ask(topics) {
    for (const topic of topics) this.#asked.add(topic);
  }

  /** The topics at some places of what the line was asked for. */
  at(places) {
    return places.map((place) => this.#named[place]).filter((topic) => topic !== undefined);
  }

  remove(topics) {
    for (const topic of topics) for (const known of [this.#wanted, this.#settled, this.#asked]) known.delete(topic);
  }

  /** Takes over what a frame that is about to be handled says of the order. */
  pass({ type, topic, cursor }) {
    if (type === 'welcome') return this.#welcomed(cursor ?? null);
    if (type === 'snapshot') this.#settled.add(topic);
    if (type === 'gap') {
      this.#settled.clear();
      this.cursor = this.#welcome ?? this.cursor;
    } else if (cursor) {
      this.cursor = cursor;
      this.#welcome = null;
    }
  }

  // An older cursor stands until the gap is told: whoever loses the line before that is told again.
  #welcomed(cursor) {
    this.#welcome = cursor;
    this.cursor ??= cursor;
  }

  #begin(topics) {
    this.#asked = new Set(topics);
    this.#named = [...topics];
    this.#welcome = null;
    return { cursor: this.cursor, topics };
  }

  #only(some) {
    return this.topics.filter((topic) => some.has(topic));
  }
}
