import { EventStream } from './event_stream.js';
import { CloseCode, lossOf, refused } from './loss.js';

/** @typedef {import('./parts.d.ts').Line} Line */

/**
 * A line to the hub by server-sent events, for places where WebSockets do not get through. It only listens.
 *
 * It reads the body of a `fetch`: unlike an `EventSource`, that tells why it was refused, takes headers, leaves the moment
 * of the next attempt to us, and is there in Node.
 *
 * @implements {Line}
 */
export class StreamLine {
  kind = /** @type {const} */ ('sse');
  #tell;
  #stop = new AbortController();

  /**
   * @param {{address: import('./address.js').Address, credentials: import('./credentials.js').Credentials,
   *   start: import('./parts.d.ts').StreamStart}} means
   * @param {import('./parts.d.ts').LineEvents} tell
   */
  constructor(means, tell) {
    this.#tell = tell;
    this.#read(means).then(
      () => this.#lose({ code: CloseCode.LOST, reason: 'the stream ended', retryAfterMs: null }),
      (error) => this.#lose(lossOf(error)),
    );
  }

  /** Tells somebody else from now on. */
  listen(tell) {
    this.#tell = tell;
  }

  send() {}

  close() {
    this.#stop.abort();
  }

  async #read({ address, credentials, start }) {
    const headers = { accept: 'text/event-stream', ...(await credentials.headers()) };
    const ticket = 'authorization' in headers ? null : await credentials.ticket();
    const { signal } = this.#stop;
    const answer = await credentials.fetch(address.events({ ...start, ticket }), { headers, signal });
    if (!answer.ok || !answer.headers.get('content-type')?.startsWith('text/event-stream')) throw await refused(answer);
    if (!signal.aborted) this.#tell.open();
    const stream = new EventStream();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done && !signal.aborted; piece = await reader.read()) {
      for (const told of stream.take(piece.value)) if (!signal.aborted) this.#tell.frame(frameOf(told));
    }
  }

  #lose(loss) {
    if (this.#stop.signal.aborted) return;
    this.close();
    this.#tell.lost(loss);
  }
}

/** The frame of a WebSocket that says the same. @param {{event?: string, id?: string, data?: string}} told */
function frameOf({ event, id, data }) {
  if (!data) return { type: 'alive' };
  const content = JSON.parse(data);
  if (event === 'problem') return { type: 'error', problem: content };
  if (event === 'synced') return { type: event, cursor: id };
  if (!event.startsWith('rt_')) return { ...content, type: event };
  // The stream does not say when; it comes at once.
  return { type: 'event', event, data: content, at: new Date().toISOString(), cursor: id };
}
