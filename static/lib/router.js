/** History routing: addresses are plain paths, and the hub answers the same shell for each. */

/** Tells `change` when the address changed. */
export const navigation = new EventTarget();

/** Goes to an address of this application. */
export function navigate(path, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  navigation.dispatchEvent(new Event('change'));
}

/** Changes the query of the present address without leaving the page. */
export function replaceQuery(query) {
  const text = new URLSearchParams(query).toString();
  history.replaceState(history.state, '', location.pathname + (text ? `?${text}` : ''));
}

/**
 * The page behind a path.
 *
 * @param {string} path
 * @returns {{page: string, moduleId?: string}}
 */
export function routeOf(path) {
  const [first = '', second, ...rest] = path.split('/').filter(Boolean);
  if (rest.length) return { page: 'lost' };
  if (first === 'modules' && second) return moduleRoute(second);
  if (second) return { page: 'lost' };
  if (first === '') return { page: 'home' };
  return { page: ['login', 'setup', 'modules', 'alarms', 'stops', 'admin', 'retention', 'webhooks', 'account', 'client'].includes(first) ? first : 'lost' };
}

// Somebody may have written an address by hand that says nothing.
function moduleRoute(text) {
  try {
    return { page: 'module', moduleId: decodeURIComponent(text) };
  } catch {
    return { page: 'lost' };
  }
}

/** Follows links of this application without loading the shell again, and the browser's back button. */
export function startRouting() {
  addEventListener('popstate', () => navigation.dispatchEvent(new Event('change')));
  addEventListener('click', (event) => {
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (
      !link ||
      !plain ||
      event.defaultPrevented ||
      link.origin !== location.origin ||
      link.target ||
      link.hasAttribute('download')
    )
      return;
    if (link.pathname === location.pathname && link.hash) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
