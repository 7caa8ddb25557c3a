const SERVER_DECIDES = ['maxReconnectAttempts', 'reconnectDelay', 'maxReconnectDelay', 'enableStats'];

/** What holds for a connection: what was given explicitly, else what the hub says, else these defaults. */
export class Settings {
  maxReconnectAttempts = 15;
  reconnectDelay = 1000;
  maxReconnectDelay = 15000;
  offlineRetryDelay = 0;
  connectTimeout = 10000;
  socketRetryDelay = 5000;
  syncOnReconnect = true;
  enableStats = true;
  #given;
  #wantsFigures = false;

  /** @param {import('./types.d.ts').CarillonOptions} given */
  constructor(given) {
    this.#given = given;
    for (const name of Object.keys(this)) if (given[name] !== undefined) this[name] = given[name];
  }

  /** Whether the hub wants to know how an interruption went. */
  get wantsFigures() {
    return this.#wantsFigures && this.enableStats;
  }

  /** Takes over the `reconnect` object of a welcome. */
  learn(reconnect) {
    this.#wantsFigures = reconnect?.enableStats === true;
    for (const name of SERVER_DECIDES) {
      if (reconnect?.[name] !== undefined && this.#given[name] === undefined) this[name] = reconnect[name];
    }
  }
}
