/**
 * The client library of Carillon: one connection to a hub that mends itself.
 *
 *     import { Carillon } from '/static/lib/carillon.js';
 *
 *     const hub = new Carillon({ topics: ['modules'] });
 *     hub.on('rt_module_online', (data) => console.log(data.moduleId));
 *     hub.on('snapshot', ({ topic, data }) => console.log(topic, data));
 *     hub.connect();
 *
 * Beside the `rt_*` events of the hub it emits `state`, `welcome`, `snapshot`, `gap`, `bye`, `closed`, `problem` and
 * `*` (every `rt_*` event, as `{event, data, at}`).
 *
 * Invariant: handlers see the frames of the hub in the order in which the hub sent them, and each only once: the cursor
 * sent after a drop is that of the last frame handled.
 */

/**
 * @typedef {object} CarillonOptions
 * @property {string} [url] Address of `/ws`; by default that of the page's own origin.
 * @property {string[]} [topics] Topics wanted from the start.
 * @property {number} [maxReconnectAttempts] Attempts before giving up (15).
 * @property {number} [reconnectDelay] First upper bound of the delay, in milliseconds (1000); doubles each time.
 * @property {number} [maxReconnectDelay] Highest upper bound of the delay, in milliseconds (15000).
 * @property {boolean} [syncOnReconnect] Asks for what was missed after a drop (true).
 * @property {boolean} [enableStats] Counts frames and reconnections in `statistics` (true).
 * @property {(info: {attempts: number, downMs: number}) => void} [onReconnect]
 * @property {(info: {code: number, reason: string}) => void} [onDisconnect]
 * @property {(server: ServerSync, client: ClientSync) => void} [onSyncComplete]
 * @property {(code: number) => void} [onHandshakeFailed] An attempt was refused before the connection opened.
 * @property {typeof WebSocket} [WebSocket] Another implementation of the same interface.
 *
 * @typedef {{sessionId: string, recovered: boolean, missed: number | null, cursor: string | null}} ServerSync
 * @typedef {{topics: string[], cursor: string | null, replayed: number}} ClientSync
 * @typedef {'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline'} ConnectionState
 * @typedef {{state: ConnectionState, attempt: number, maxAttempts: number, retryAt: number | null, reason: string}} StateChange
 */

const DEFAULTS = {
  maxReconnectAttempts: 15,
  reconnectDelay: 1000,
  maxReconnectDelay: 15000,
  syncOnReconnect: true,
  enableStats: true,
};
const SERVER_SETTINGS = ['maxReconnectAttempts', 'reconnectDelay', 'maxReconnectDelay', 'enableStats'];
const HEARTBEAT_MS = 25000;
const REPLY_TIMEOUT_MS = 15000;

/** Close codes of the hub that the client treats differently from a lost connection. */
export const CloseCode = Object.freeze({ LOGIN_ENDED: 4001, NOT_ALLOWED: 4003, RESTART: 1012, TOO_MANY: 4029 });

/**
 * Upper-bounded exponential back-off with full jitter.
 *
 * @param {number} attempt 0 for the first.
 * @param {{reconnectDelay: number, maxReconnectDelay: number}} settings
 * @param {() => number} [random]
 * @returns {number} Milliseconds.
 */
export function backOff(attempt, { reconnectDelay, maxReconnectDelay }, random = Math.random) {
  return Math.round(random() * Math.min(maxReconnectDelay, reconnectDelay * 2 ** Math.min(attempt, 30)));
}

/** A request that the hub refused; `problem` is its RFC 9457 object. */
export class RefusedError extends Error {
  /** @param {{title?: string, detail?: string, status?: number}} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title ?? 'refused');
    this.name = 'RefusedError';
    this.problem = problem;
  }
}

/** One live connection to a hub. */
export class Carillon {
  #given;
  #settings;
  #handlers = new Map();
  #topics = new Set();
  #pending = new Map();
  #nextId = 1;
  #socket = null;
  #cursor = null;
  #attempt = 0;
  #retryTimer = null;
  #heartbeatTimer = null;
  #lastHeard = 0;
  #heartbeatMs = HEARTBEAT_MS;
  #downSince = null;
  #everLive = false;
  #bye = null;
  #sync = null;
  /** @type {StateChange} */
  #change = { state: 'idle', attempt: 0, maxAttempts: 0, retryAt: null, reason: '' };

  /** Counters of this connection; they stand still when the hub or the options turn `enableStats` off. */
  statistics = { received: 0, reconnections: 0, failures: 0, replayed: 0, lastReconnectMs: null };

  /** @param {CarillonOptions} [options] */
  constructor(options = {}) {
    this.#given = options;
    this.#settings = { ...DEFAULTS, ...definedOnly(options) };
    for (const topic of options.topics ?? []) this.#topics.add(topic);
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#change.state;
  }

  /** The last `state` event, for whoever starts to listen later. */
  get change() {
    return this.#change;
  }

  /** Topics wanted, whether or not the connection stands. */
  get topics() {
    return [...this.#topics];
  }

  /**
   * Listens to an event; answers a function that stops listening.
   *
   * @param {string} name
   * @param {(data: any, info?: {event: string, at: string}) => void} handler
   */
  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, new Set());
    this.#handlers.get(name).add(handler);
    return () => this.off(name, handler);
  }

  /** Stops listening. */
  off(name, handler) {
    this.#handlers.get(name)?.delete(handler);
  }

  /** Opens the connection, and keeps it open until `close`. */
  connect() {
    if (this.#socket || this.#retryTimer) return;
    this.#watchPage('addEventListener');
    this.#open('connecting');
  }

  /** Ends the connection for good; `connect` opens another. */
  close() {
    this.#watchPage('removeEventListener');
    this.#drop();
    this.#cursor = null;
    this.#everLive = false;
    this.#downSince = null;
    this.#become('idle');
  }

  /** Forces a new attempt at once, with the back-off starting anew. */
  reconnect() {
    this.#attempt = 0;
    this.#drop();
    this.#downSince ??= Date.now();
    this.#open(this.#everLive ? 'reconnecting' : 'connecting');
  }

  /**
   * Adds topics; resolves when the hub agreed (at once when it is not connected: they are asked for on connecting).
   *
   * @param {string[]} topics
   * @param {{maxRate?: number}} [options] Highest number of updates per second of one state.
   */
  async subscribe(topics, { maxRate } = {}) {
    for (const topic of topics) this.#topics.add(topic);
    if (this.state !== 'live') return undefined;
    return this.#request({ type: 'subscribe', topics, ...(maxRate ? { maxRate } : {}) });
  }

  /** Gives topics up. */
  async unsubscribe(topics) {
    for (const topic of topics) this.#topics.delete(topic);
    if (this.state !== 'live') return undefined;
    return this.#request({ type: 'unsubscribe', topics });
  }

  /** Sends a command to a module; resolves with its answer. */
  async command(moduleId, command, params = {}) {
    return this.#request({ type: 'command', moduleId, command, params });
  }

  #open(state) {
    this.#clearRetry();
    this.#bye = null;
    this.#become(state);
    const Socket = this.#given.WebSocket ?? globalThis.WebSocket;
    const socket = new Socket(this.#given.url ?? ownAddress());
    let opened = false;
    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      this.#hello();
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => this.#lost(code, reason, opened);
  }

  #hello() {
    const cursor = this.#settings.syncOnReconnect ? this.#cursor : null;
    this.#sync = { from: cursor, topics: this.topics, replayed: 0, missed: 0 };
    this.#send({ type: 'hello', ...(cursor ? { cursor } : {}), topics: this.topics });
    this.#listenForSilence();
  }

  #receive(text) {
    this.#lastHeard = Date.now();
    if (this.#settings.enableStats) this.statistics.received += 1;
    const frame = JSON.parse(text);
    switch (frame.type) {
      case 'event': this.#event(frame); break;
      case 'welcome': this.#welcome(frame); break;
      case 'snapshot': this.#emit('snapshot', frame); break;
      case 'reply': this.#reply(frame); break;
      case 'gap': this.#gap(frame); break;
      case 'bye': this.#bye = frame; this.#emit('bye', frame); break;
      case 'pong': this.#synchronised(); break;
      case 'error': this.#emit('problem', frame.problem ?? frame); break;
      default: // a newer hub may say more
    }
    if (frame.cursor && frame.type !== 'welcome') this.#cursor = frame.cursor;
  }

  #event({ event, data, at }) {
    if (this.#sync?.welcome?.recovered) this.#sync.replayed += 1;
    const info = { event, at };
    this.#emit(event, data, info);
    this.#emit('*', { event, data, at }, info);
  }

  #welcome(frame) {
    for (const name of SERVER_SETTINGS) {
      if (frame.reconnect?.[name] !== undefined && this.#given[name] === undefined) this.#settings[name] = frame.reconnect[name];
    }
    this.#heartbeatMs = frame.heartbeatMs || HEARTBEAT_MS;
    if (!frame.recovered) this.#cursor = frame.cursor ?? null;
    this.#sync.welcome = frame;
    const late = this.topics.filter((topic) => !this.#sync.topics.includes(topic));
    const attempts = this.#attempt;
    this.#attempt = 0;
    this.#become('live');
    this.#emit('welcome', frame);
    this.#backAgain(attempts);
    if (late.length) this.subscribe(late).catch((error) => this.#emit('problem', error.problem ?? error));
    this.#send({ type: 'ping' });
  }

  #backAgain(attempts) {
    const downMs = this.#downSince === null ? null : Date.now() - this.#downSince;
    this.#downSince = null;
    if (this.#everLive && downMs !== null) {
      if (this.#settings.enableStats) Object.assign(this.statistics, { reconnections: this.statistics.reconnections + 1, lastReconnectMs: downMs });
      this.#given.onReconnect?.({ attempts, downMs });
    } else {
      this.#sync.first = true;
    }
    this.#everLive = true;
  }

  // The pong answers the ping sent after the welcome: what was missed has been sent before it.
  #synchronised() {
    const sync = this.#sync;
    this.#sync = null;
    if (!sync?.welcome || sync.first || !this.#settings.syncOnReconnect) return;
    const { sessionId, recovered, cursor } = sync.welcome;
    if (this.#settings.enableStats) this.statistics.replayed += sync.replayed;
    this.#given.onSyncComplete?.(
      { sessionId, recovered: Boolean(recovered), missed: recovered ? 0 : sync.missed || null, cursor: cursor ?? null },
      { topics: sync.topics, cursor: this.#cursor, replayed: sync.replayed },
    );
  }

  #gap(frame) {
    if (this.#sync) this.#sync.missed = frame.missed;
    this.#emit('gap', frame);
  }

  #reply({ id, ok, data, problem }) {
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    clearTimeout(waiting?.timer);
    if (ok) waiting?.resolve(data);
    else if (waiting) waiting.reject(new RefusedError(problem ?? {}));
    else this.#emit('problem', problem ?? {});
  }

  #request(frame) {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#reply({ id, ok: false, problem: { title: 'no answer in time' } }), REPLY_TIMEOUT_MS);
      this.#pending.set(id, { resolve, reject, timer });
      this.#send({ ...frame, id });
    });
  }

  #send(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #lost(code, reason, opened) {
    const bye = this.#bye;
    this.#drop();
    if (opened && this.#downSince === null) {
      this.#downSince = Date.now();
      this.#given.onDisconnect?.({ code, reason: bye?.reason ?? reason });
    }
    if (!opened) {
      if (this.#settings.enableStats) this.statistics.failures += 1;
      this.#given.onHandshakeFailed?.(code);
    }
    this.#emit('closed', { code, reason: bye?.reason ?? reason });
    if (this.#change.state === 'idle') return;
    const final = code === CloseCode.NOT_ALLOWED || code === CloseCode.LOGIN_ENDED;
    if (final || this.#attempt >= this.#settings.maxReconnectAttempts) this.#become('offline', { reason: bye?.reason ?? reason });
    else this.#retryLater(bye?.retryAfterMs);
  }

  #retryLater(chosen) {
    const delay = chosen ?? backOff(this.#attempt, this.#settings);
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#open('reconnecting'), delay);
    this.#become('reconnecting', { retryAt: Date.now() + delay });
  }

  // Silence for a heartbeat asks for a sign of life; silence for another half means that the connection is dead.
  #listenForSilence() {
    clearInterval(this.#heartbeatTimer);
    this.#lastHeard = Date.now();
    this.#heartbeatTimer = setInterval(() => {
      const silent = Date.now() - this.#lastHeard;
      if (silent > this.#heartbeatMs * 1.5) this.#lost(1006, 'silent', true);
      else if (silent > this.#heartbeatMs * 0.9) this.#send({ type: 'ping' });
    }, this.#heartbeatMs / 4);
  }

  #drop() {
    this.#clearRetry();
    clearInterval(this.#heartbeatTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    Object.assign(socket, { onopen: null, onmessage: null, onclose: null });
    if (socket.readyState < 2) socket.close(1000);
    for (const id of [...this.#pending.keys()]) this.#reply({ id, ok: false, problem: { title: 'connection lost' } });
  }

  #clearRetry() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  #watchPage(method) {
    globalThis.window?.[method]('online', this.#networkIsBack);
  }

  #networkIsBack = () => {
    if (this.state === 'reconnecting' || this.state === 'offline') this.reconnect();
  };

  #become(state, { retryAt = null, reason = '' } = {}) {
    this.#change = { state, attempt: this.#attempt, maxAttempts: this.#settings.maxReconnectAttempts, retryAt, reason };
    this.#emit('state', this.#change);
  }

  #emit(name, data, info) {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      try {
        handler(data, info);
      } catch (error) {
        console.error(error);
      }
    }
  }
}

function ownAddress() {
  const address = new URL('/ws', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  return address.href;
}

function definedOnly(options) {
  return Object.fromEntries(Object.keys(DEFAULTS).filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
}
