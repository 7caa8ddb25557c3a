const DEFAULTS = {
  maxReconnectAttempts: 15,
  reconnectDelay: 1000,
  maxReconnectDelay: 15000,
  syncOnReconnect: true,
  enableStats: true,
};
const SERVER_DECIDES = ['maxReconnectAttempts', 'reconnectDelay', 'maxReconnectDelay', 'enableStats'];

/** What holds for a connection: what was given explicitly, else what the hub says, else the defaults. */
export class Settings {
  #given;

  /** @param {import('./types.js').CarillonOptions} given */
  constructor(given) {
    this.#given = given;
    Object.assign(this, DEFAULTS);
    for (const name of Object.keys(DEFAULTS)) if (given[name] !== undefined) this[name] = given[name];
  }

  /** Takes over the `reconnect` object of a welcome. */
  learn(reconnect = {}) {
    for (const name of SERVER_DECIDES) {
      if (reconnect?.[name] !== undefined && this.#given[name] === undefined) this[name] = reconnect[name];
    }
  }
}
