/** How a line ended, in the hub's close codes whatever the line was. */
import { RefusedError } from './refused.js';

/** Close codes of the hub, and the one that every WebSocket gives to a connection lost without a word. */
export const CloseCode = Object.freeze({
  PROTOCOL: 1002,
  UNSUPPORTED: 1003,
  LOST: 1006,
  UNREADABLE: 1007,
  TOO_LARGE: 1009,
  RESTART: 1012,
  LOGIN_ENDED: 4001,
  NOT_ALLOWED: 4003,
  TOO_SLOW: 4008,
  TOO_MANY: 4029,
});

/** @type {Set<number>} */
const FAULTS = new Set([CloseCode.PROTOCOL, CloseCode.UNSUPPORTED, CloseCode.UNREADABLE, CloseCode.TOO_LARGE]);

/** Whether a close code says that one side does not understand the other. @param {number} code */
export function isFault(code) {
  return FAULTS.has(code);
}

const BY_STATUS = new Map([
  [401, CloseCode.LOGIN_ENDED],
  [403, CloseCode.NOT_ALLOWED],
  [429, CloseCode.TOO_MANY],
  [503, CloseCode.TOO_MANY],
]);

/**
 * What an HTTP answer that is not a success means. Only the hub describes its problems; an answer of something in between,
 * such as a proxy, ends nothing for good.
 *
 * @param {Response} response
 */
export async function refused(response) {
  const own = response.headers.get('content-type')?.startsWith('application/problem+json');
  const problem = own ? await response.json().catch(() => ({})) : {};
  const seconds = Number(response.headers.get('retry-after'));
  const places = topicsIn(problem);
  return new RefusedError(problem, {
    code: (own && !places.length && BY_STATUS.get(response.status)) || CloseCode.LOST,
    reason: problem.detail ?? problem.title ?? `HTTP ${response.status}`,
    retryAfterMs: problem.retryAfterMs ?? (seconds > 0 ? seconds * 1000 : null),
    refused: places.length ? { places, problem } : null,
    wasHeard: Boolean(own),
  });
}

/** The places of those topics that are the fault. @param {import('./types.d.ts').Problem} problem @returns {number[]} */
export function topicsIn({ errors = [] }) {
  return errors
    .map(({ pointer }) => /^\/topics\/(\d+)$/.exec(pointer)?.[1])
    .filter(Boolean)
    .map(Number);
}

/** The loss behind any error of opening a line. */
export function lossOf(error) {
  if (error instanceof RefusedError && error.loss) return error.loss;
  return { code: CloseCode.LOST, reason: error?.message ?? '', retryAfterMs: null };
}
