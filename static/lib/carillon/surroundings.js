/** What the page around a client tells: the network's return, being looked at again. In Node it tells nothing. */

/** @type {Set<{reconnect: () => void}>} */
const clients = new Set();

/**
 * Watches the page for a client, and lets `window.mc_socketReconnect()` reach it.
 *
 * @param {{reconnect: () => void}} client
 * @param {{networkIsBack: () => void, isSeen: () => void, networkIsGone: () => void}} tell
 * @returns {() => void} Stops watching.
 */
export function watchSurroundings(client, { networkIsBack, isSeen, networkIsGone }) {
  /** @type {(Window & {mc_socketReconnect?: () => void}) | undefined} */
  const page = globalThis.window;
  if (!page?.addEventListener) return () => {};
  const stop = new AbortController();
  const { signal } = stop;
  page.addEventListener('online', networkIsBack, { signal });
  page.addEventListener('offline', networkIsGone, { signal });
  page.addEventListener('pageshow', ({ persisted }) => persisted && isSeen(), { signal });
  page.document.addEventListener('visibilitychange', () => page.document.hidden || isSeen(), { signal });
  clients.add(client);
  page.mc_socketReconnect = reconnectAll;
  return () => {
    stop.abort();
    clients.delete(client);
  };
}

/** Whether the browser is sure that there is no network. */
export function hasNoNetwork() {
  return globalThis.navigator?.onLine === false;
}

function reconnectAll() {
  for (const client of clients) client.reconnect();
}
