import { backOff } from './back_off.js';

/** A connection that lived for less than this does not make the next delay short again. */
const STEADY_MS = 5000;

/** How often it was tried since the last success, and how long to wait before the next attempt. */
export class Retries {
  /** Attempts since the connection was last live. */
  attempt = 0;
  #settings;
  #flaps = 0;
  #liveSince = null;

  /** @param {import('./settings.js').Settings} settings */
  constructor(settings) {
    this.#settings = settings;
  }

  get areUsedUp() {
    return this.attempt >= this.#settings.maxReconnectAttempts;
  }

  /** Counts an attempt to come; answers the delay before it, in milliseconds. */
  next() {
    const delay = backOff(Math.max(this.attempt, this.#flaps), this.#settings);
    this.attempt += 1;
    return delay;
  }

  /** The connection stands. */
  live() {
    this.attempt = 0;
    this.#liveSince = Date.now();
  }

  /** The connection was lost. */
  lost() {
    if (this.#liveSince === null) return;
    this.#flaps = Date.now() - this.#liveSince < STEADY_MS ? this.#flaps + 1 : 0;
    this.#liveSince = null;
  }

  /** Something changed for the better: begins with short delays again. */
  reset() {
    this.attempt = 0;
    this.#flaps = 0;
  }
}
