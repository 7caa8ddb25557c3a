/** Speaks to the HTTP API with the session cookie; errors carry the problem that the hub described. */
import { RefusedError } from './carillon/refused.js';

const BASE = '/api/v1';
const TIMEOUT_MS = 20000;

/** Tells `signedOut` when the hub no longer knows who asks. */
export const apiEvents = new EventTarget();

/** An answer that is not a success, or none at all (`status` 0). */
export class ApiError extends RefusedError {
  /** @param {number} status @param {import('./carillon/types.d.ts').Problem} problem */
  constructor(status, problem = {}, retryAfter = null) {
    super(problem);
    this.name = 'ApiError';
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** The kind of problem: `module-exists` for `/problems/module-exists`. */
  get kind() {
    return this.problem.type?.split('/').pop() ?? '';
  }

  /** What is wrong with each field, by its name. */
  get fields() {
    return new Map(
      (this.problem.errors ?? []).map(({ pointer, detail }) => [pointer.replace(/^[#/]+/, '').split('/')[0], detail]),
    );
  }
}

async function request(method, path, { body, query, signal, version, expectUnknown = false } = {}) {
  const address = BASE + path + queryString(query);
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const options = {
    method,
    credentials: 'same-origin',
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      // Refused with 412 when what is there has another version by now.
      ...(version === undefined ? {} : { 'if-match': `"${version}"` }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  };
  const response = await fetch(address, options).catch((error) => {
    throw signal?.aborted ? error : new ApiError(0, { title: 'unreachable' });
  });
  if (response.ok) return response.status === 204 ? null : response.json();
  if (response.status === 401 && !expectUnknown) apiEvents.dispatchEvent(new Event('signedOut'));
  const problem = await response.json().catch(() => ({}));
  throw new ApiError(response.status, problem, Number(response.headers.get('retry-after')) || null);
}

function queryString(query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return given.length ? `?${new URLSearchParams(given)}` : '';
}

/** Addresses of one thing, with its id made safe for a path. */
export const modulePath = (id) => `/modules/${encodeURIComponent(id)}`;
export const stopPath = (id) => `/emergency-stops/${encodeURIComponent(id)}`;
export const userPath = (id) => `/users/${encodeURIComponent(id)}`;

/** The verbs; each resolves with the parsed body, and rejects with an `ApiError`. */
export const api = {
  get: (path, options) => request('GET', path, options),
  post: (path, body, options) => request('POST', path, { ...options, body }),
  put: (path, body, options) => request('PUT', path, { ...options, body }),
  patch: (path, body, options) => request('PATCH', path, { ...options, body }),
  remove: (path, options) => request('DELETE', path, options),
};
