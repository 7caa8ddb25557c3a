/**
 * Upper-bounded exponential back-off with full jitter.
 *
 * @param {number} attempt 0 for the first.
 * @param {{reconnectDelay: number, maxReconnectDelay: number}} settings
 * @param {() => number} [random]
 * @returns {number} Milliseconds.
 */
export function backOff(attempt, { reconnectDelay, maxReconnectDelay }, random = Math.random) {
  return Math.round(random() * Math.min(maxReconnectDelay, reconnectDelay * 2 ** Math.min(attempt, 30)));
}
