/** Makes elements. Text only ever becomes text nodes: nothing here can parse markup. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Makes an HTML element.
 *
 * @param {string} name
 * @param {Record<string, unknown>} [properties] `class`, attributes (`true` is empty, `false` and null left out), and `on…` listeners.
 * @param {...(Node | string | number | null | false | undefined | Array)} children
 * @returns {HTMLElement}
 */
export function h(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** Makes an SVG element, as `h` does for HTML. */
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map(asNode),
  );
  return element;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/** Replaces the children of `element` when they differ; answers whether they did. */
export function replaceIfChanged(element, child) {
  const node = asNode(child ?? '');
  if (element.childNodes.length === 1 && element.firstChild.isEqualNode(node)) return false;
  element.replaceChildren(node);
  return true;
}

/**
 * Answers a function that, called any number of times, runs `work` once in the next frame, and at most every `everyMs`.
 *
 * @param {() => void} work
 */
export function coalesced(work, everyMs = 100) {
  let waiting = false;
  let last = 0;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(
      () =>
        requestAnimationFrame(() => {
          waiting = false;
          last = performance.now();
          work();
        }),
      Math.max(0, everyMs - (performance.now() - last)),
    );
  };
}

/** Answers a function that runs `work` once, `quietMs` after its last call. */
export function debounced(work, quietMs = 250) {
  let timer = null;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), quietMs);
  };
}

/** Answers a function that runs `work` soon after a call, and then at most every `everyMs`, however often it is called. */
export function paced(work, soonMs = 150, everyMs = 1000) {
  let waiting = false;
  let last = -Infinity;
  return () => {
    if (waiting) return;
    waiting = true;
    setTimeout(
      () => {
        waiting = false;
        last = performance.now();
        work();
      },
      Math.max(soonMs, last + everyMs - performance.now()),
    );
  };
}

/** Whether the person asked their system for less motion. */
export function reducedMotion() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
