import { formatAgo, formatMoment } from '../lib/format.js';

const shown = new Set();
let ticker = null;

/**
 * How long ago `datetime` was, kept up to date: `<time-ago datetime="2026-01-01T00:00:00.000Z">`.
 *
 * One clock serves all of them.
 */
class TimeAgo extends HTMLElement {
  static observedAttributes = ['datetime'];

  connectedCallback() {
    shown.add(this);
    ticker ??= setInterval(() => shown.forEach((element) => element.refresh()), 1000);
    this.refresh();
  }

  disconnectedCallback() {
    shown.delete(this);
    if (shown.size) return;
    clearInterval(ticker);
    ticker = null;
  }

  attributeChangedCallback() {
    this.title = formatMoment(this.getAttribute('datetime'));
    if (this.isConnected) this.refresh();
  }

  refresh() {
    const words = formatAgo(this.getAttribute('datetime'));
    if (this.textContent !== words) this.textContent = words;
  }
}

customElements.define('time-ago', TimeAgo);
