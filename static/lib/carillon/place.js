/**
 * Where a client stands in the hub's order, and what it listens to.
 *
 * Invariant: a topic is settled while everything that was seen of it, its snapshot first, reaches up to the cursor; only
 * settled topics are resumed from the cursor, the others begin with a snapshot.
 */
export class Place {
  /** Topics wanted, whether or not there is a line. */
  wanted = new Set();
  /** @type {string | null} */
  cursor = null;
  #settled = new Set();
  #asked = new Set();
  #welcome = null;
  #hasRefused = false;

  /** @param {string[]} topics @param {{cursor: string, topics: string[]}} [bookmark] */
  constructor(topics, bookmark) {
    for (const topic of topics) this.wanted.add(topic);
    if (!bookmark?.cursor) return;
    this.cursor = bookmark.cursor;
    for (const topic of bookmark.topics ?? []) {
      this.wanted.add(topic);
      this.#settled.add(topic);
    }
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
    const topics = this.cursor ? this.#only(this.#settled) : [...this.wanted];
    return this.#begin({ cursor: this.cursor, topics });
  }

  /** Where a line begins that must name all its topics: one new topic makes all of them begin with a snapshot. */
  startWhole() {
    const isSettled = [...this.wanted].every((topic) => this.#settled.has(topic));
    const lost = !isSettled && this.cursor !== null;
    if (!isSettled) this.forget();
    return { ...this.#begin({ cursor: this.cursor, topics: [...this.wanted] }), lost };
  }

  /** Topics that the present line was not asked for yet. */
  get late() {
    return [...this.wanted].filter((topic) => !this.#asked.has(topic));
  }

  add(topics) {
    for (const topic of topics) this.wanted.add(topic);
  }

  ask(topics) {
    for (const topic of topics) this.#asked.add(topic);
  }

  /** The topics at some places of what the line was asked for. */
  at(places) {
    const asked = [...this.#asked];
    return places.map((place) => asked[place]).filter((topic) => topic !== undefined);
  }

  remove(topics) {
    for (const topic of topics) for (const set of [this.wanted, this.#settled, this.#asked]) set.delete(topic);
  }

  /** Takes over what a frame that was handled says of the order. */
  pass({ type, topic, cursor, problem }) {
    if (type === 'welcome') return this.#welcomed(cursor ?? null);
    if (type === 'snapshot') this.#settled.add(topic);
    if (type === 'error' && problem?.status < 500) this.#hasRefused = true;
    if (type === 'synced') this.#giveUpRefused();
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

  // A stream has told every snapshot that there is; it does not say which topic a problem was about.
  #giveUpRefused() {
    if (this.#hasRefused) this.remove([...this.#asked].filter((topic) => !this.#settled.has(topic)));
    this.#hasRefused = false;
  }

  #begin(start) {
    this.#hasRefused = false;
    this.#asked = new Set(start.topics);
    this.#welcome = null;
    return start;
  }

  #only(topics) {
    return [...this.wanted].filter((topic) => topics.has(topic));
  }
}
