import { CloseCode, lossOf } from './loss.js';

/** @typedef {import('./parts.d.ts').Line} Line */

/**
 * A line to the hub by WebSocket.
 *
 * @implements {Line}
 */
export class SocketLine {
  kind = /** @type {const} */ ('websocket');
  #tell;
  #socket = null;
  #closed = false;

  /**
   * @param {{address: import('./address.js').Address, credentials: import('./credentials.js').Credentials, WebSocket: any}} means
   * @param {import('./parts.d.ts').LineEvents} tell
   */
  constructor(means, tell) {
    this.#tell = tell;
    this.#open(means).catch((error) => this.#lose(lossOf(error)));
  }

  /** Tells somebody else from now on. */
  listen(tell) {
    this.#tell = tell;
  }

  send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  close() {
    this.#closed = true;
    if (this.#socket?.readyState < 2) this.#socket.close(1000);
  }

  async #open({ address, credentials, WebSocket }) {
    // Sockets that are emitters of Node take headers; those of browsers do not.
    const takesHeaders = typeof WebSocket.prototype?.on === 'function';
    const headers = takesHeaders ? await credentials.headers() : {};
    const ticket = headers.authorization ? null : await credentials.ticket();
    if (this.#closed) return;
    const url = address.socket(ticket);
    const socket = takesHeaders ? new WebSocket(url, { headers }) : new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => this.#closed || this.#tell.open();
    socket.onmessage = ({ data }) => this.#receive(data);
    // What went wrong is told by the close that follows.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => this.#lose({ code, reason, retryAfterMs: null });
  }

  #receive(text) {
    if (this.#closed) return;
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      this.close();
      this.#tell.lost({ code: CloseCode.UNREADABLE, reason: 'unreadable frame', retryAfterMs: null });
      return;
    }
    this.#tell.frame(frame);
  }

  #lose(loss) {
    if (this.#closed) return;
    this.#closed = true;
    this.#tell.lost(loss);
  }
}
