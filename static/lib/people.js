import { api, userPath } from './api.js';
import { session } from './session.js';

/** Names of people, asked for once; only admins may ask. */
const names = new Map();

/** Learns the names of some people, so that `nameOf` knows them. @param {string[]} ids @param {AbortSignal} signal */
export async function learnNames(ids, signal) {
  await Promise.all([...new Set(ids)].map((id) => learn(id, signal)));
}

/** The name of a person, if one may know it and it was learned. @param {string} id */
export function nameOf(id) {
  return id === session.user.id ? session.user.name : names.get(id) || null;
}

async function learn(id, signal) {
  if (names.has(id) || id === session.user.id || !session.user.isAdmin) return;
  const person = await api.get(userPath(id), { signal }).catch(() => null);
  if (!signal.aborted) names.set(id, person?.name ?? '');
}
