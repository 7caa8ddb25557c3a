import { refused } from './loss.js';

/** The part of its life after which a token is renewed. */
const RENEWED_AFTER = 0.75;

/**
 * How a client shows who it is: by the browser's cookie if nothing is given, else by access tokens or tickets of functions
 * that are asked anew for every attempt. Tokens go into headers, never into addresses; where a line cannot have headers,
 * a token is exchanged for a ticket, which works once.
 */
export class Credentials {
  #given;
  #address;
  #renewAt = null;

  /**
   * @param {import('./types.d.ts').CarillonOptions} given
   * @param {import('./address.js').Address} address
   */
  constructor(given, address) {
    this.#given = given;
    this.#address = address;
  }

  /** Whether another attempt may show something newer than the last one did. */
  get areFresh() {
    return Boolean(this.#given.token || this.#given.ticket);
  }

  /** Headers for a line that can have them. */
  async headers() {
    const token = this.#given.token && (await this.token());
    return token ? { authorization: `Bearer ${token}` } : {};
  }

  /** A ticket for a line that cannot have headers; none when the cookie does it. */
  async ticket() {
    if (this.#given.ticket) return this.#given.ticket();
    if (!this.#given.token) return null;
    const answer = await this.fetch(this.#address.tickets, { method: 'POST', headers: await this.headers() });
    if (!answer.ok) throw await refused(answer);
    return (await answer.json()).ticket;
  }

  /** The present access token. */
  async token() {
    const told = await this.#given.token();
    const { accessToken, expiresIn = null } = typeof told === 'string' ? { accessToken: told } : told;
    this.#renewAt = expiresIn && Date.now() + expiresIn * 1000 * RENEWED_AFTER;
    return accessToken;
  }

  /** Milliseconds until a newer token is due; null when nobody said how long the present one is good. */
  get renewIn() {
    return this.#renewAt && Math.max(0, this.#renewAt - Date.now());
  }

  /** Asks by HTTP, with the cookie where that is the credential. */
  fetch(address, options) {
    const ask = this.#given.fetch ?? globalThis.fetch;
    return ask(address, { credentials: this.areFresh ? 'omit' : 'include', cache: 'no-store', ...options });
  }
}
