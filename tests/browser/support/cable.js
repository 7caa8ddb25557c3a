import { connect, createServer } from 'node:net';
import { HUB } from './hub.js';

/** A network cable to the hub that can be cut: bytes pass unchanged while it is whole. */
export class Cable {
  #target = new URL(HUB);
  #server = null;
  #ends = new Set();
  #port = 0;

  /** Lays a cable. */
  static async lay(test) {
    const cable = new Cable();
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
    for (const end of this.#ends) end.destroy();
    this.#server = null;
    await closed;
  }

  /** Makes it whole again, at the same address. */
  async mend() {
    this.#server = createServer((near) => this.#join(near));
    await new Promise((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = this.#server.address().port;
  }

  #join(near) {
    const far = connect(Number(this.#target.port || 80), this.#target.hostname);
    for (const [end, other] of [
      [near, far],
      [far, near],
    ]) {
      this.#ends.add(end);
      end.on('error', () => other.destroy());
      end.on('close', () => {
        this.#ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  }
}
