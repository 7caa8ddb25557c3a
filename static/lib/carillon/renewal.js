/** Fetches a newer access token before the present one runs out, for whoever told how long it is good. */
export class Renewal {
  #credentials;
  #use;
  #timer = null;

  /** @param {import('./credentials.js').Credentials} credentials @param {(accessToken: string) => void} use */
  constructor(credentials, use) {
    this.#credentials = credentials;
    this.#use = use;
  }

  /** Plans the next renewal, if there is anything to renew. */
  plan() {
    this.stop();
    const { renewIn } = this.#credentials;
    if (renewIn === null) return;
    this.#timer = setTimeout(() => this.#renew(), renewIn);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  // A provider that fails is asked again when the hub ends the connection.
  async #renew() {
    const planned = this.#timer;
    const token = await this.#credentials.token().catch(() => null);
    if (token === null || this.#timer !== planned) return;
    this.#use(token);
    this.plan();
  }
}
