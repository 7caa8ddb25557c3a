import { connect, createServer } from 'node:net';

/** A network cable to the hub that can be cut: bytes pass unchanged while it is whole. */
export class Cable {
  #target;
  #server = null;
  #ends = new Set();
  #port = 0;
  /** Whether something in between refuses WebSockets, as some proxies do. */
  blocksSockets = false;

  constructor(target) {
    this.#target = new URL(target);
  }

  /** Lays a cable. */
  static async lay(test, target = process.env.CARILLON_URL) {
    const cable = new Cable(target);
    await cable.mend();
    test.after(() => cable.cut());
    return cable;
  }

  /** Where a browser connects. */
  get origin() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Cuts every connection, and refuses new ones. */
  async cut() {
    if (!this.#server) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.snap();
    this.#server = null;
    await closed;
  }

  /** Cuts every connection, and takes new ones at once. */
  snap() {
    for (const end of this.#ends) end.destroy();
  }

  /** Makes it whole again, at the same address. */
  async mend() {
    this.#server = createServer((near) => {
      this.#keep(near);
      near.once('data', (first) => this.#join(near, first));
    });
    await new Promise((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = this.#server.address().port;
  }

  #join(near, first) {
    if (this.blocksSockets && /^upgrade: websocket/im.test(first.toString('latin1')))
      return near.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
    const far = connect(Number(this.#target.port || 80), this.#target.hostname);
    this.#keep(far);
    for (const [end, other] of [
      [near, far],
      [far, near],
    ]) {
      end.on('close', () => other.destroy());
      end.pipe(other);
    }
    far.write(first);
    return undefined;
  }

  #keep(end) {
    this.#ends.add(end);
    end.on('error', () => end.destroy());
    end.on('close', () => this.#ends.delete(end));
  }
}
