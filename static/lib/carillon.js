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
import { backOff } from './carillon/back_off.js';
import { Emitter } from './carillon/emitter.js';
import { Heartbeat } from './carillon/heartbeat.js';
import { Requests } from './carillon/requests.js';
import { Settings } from './carillon/settings.js';
import { closeSocket, openSocket } from './carillon/socket.js';
import { Sync } from './carillon/sync.js';

export { RefusedError } from './carillon/requests.js';

/** @typedef {import('./carillon/types.js').CarillonOptions} CarillonOptions */
/** @typedef {import('./carillon/types.js').StateChange} StateChange */

const HEARTBEAT_MS = 25000;

/** Close codes of the hub that the client treats differently from a lost connection. */
export const CloseCode = Object.freeze({ LOGIN_ENDED: 4001, NOT_ALLOWED: 4003, RESTART: 1012, TOO_MANY: 4029 });

/** One live connection to a hub. */
export class Carillon extends Emitter {
  #given;
  #settings;
  #topics = new Set();
  /** Topics that the hub knew of when last heard: only they can be resumed from the cursor. */
  #known = new Set();
  #requests = new Requests();
  #heartbeat = new Heartbeat({ ask: () => this.#send({ type: 'ping' }), dead: () => this.#lost(1006, 'silent', true) });
  #socket = null;
  #cursor = null;
  #attempt = 0;
  #retryTimer = null;
  #downSince = null;
  #everLive = false;
  #bye = null;
  #sync = null;
  /** @type {StateChange} */
  #change = { state: 'idle', attempt: 0, maxAttempts: 0, retryAt: null, reason: '' };

  #frames = {
    event: (frame) => this.#event(frame),
    welcome: (frame) => this.#welcome(frame),
    snapshot: (frame) => this.emit('snapshot', frame),
    reply: (frame) => this.#reply(frame),
    gap: (frame) => this.#gap(frame),
    bye: (frame) => this.#parting(frame),
    pong: () => this.#synchronised(),
    error: (frame) => this.emit('problem', frame.problem ?? frame),
  };

  /** Counters of this connection; they stand still when the hub or the options turn `enableStats` off. */
  statistics = { received: 0, reconnections: 0, failures: 0, replayed: 0, lastReconnectMs: null };

  /** @param {CarillonOptions} [options] */
  constructor(options = {}) {
    super();
    this.#given = options;
    this.#settings = new Settings(options);
    for (const topic of options.topics ?? []) this.#topics.add(topic);
  }

  /** @returns {StateChange['state']} */
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

  /** Opens the connection, and keeps it open until `close`. */
  connect() {
    if (this.#socket || this.#retryTimer) return;
    globalThis.window?.addEventListener('online', this.#networkIsBack);
    this.#open('connecting');
  }

  /** Ends the connection for good; `connect` opens another. */
  close() {
    globalThis.window?.removeEventListener('online', this.#networkIsBack);
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
    for (const topic of topics) this.#known.add(topic);
    try {
      return await this.#request({ type: 'subscribe', topics, ...(maxRate ? { maxRate } : {}) });
    } catch (error) {
      for (const topic of topics) this.#known.delete(topic);
      throw error;
    }
  }

  /** Gives topics up. */
  async unsubscribe(topics) {
    for (const topic of topics) {
      this.#topics.delete(topic);
      this.#known.delete(topic);
    }
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
    this.#socket = openSocket(this.#given, {
      open: () => this.#hello(),
      message: (text) => this.#receive(text),
      close: (code, reason, opened) => this.#lost(code, reason, opened),
    });
  }

  #hello() {
    const cursor = this.#settings.syncOnReconnect ? this.#cursor : null;
    const topics = cursor ? this.topics.filter((topic) => this.#known.has(topic)) : this.topics;
    this.#known = new Set(topics);
    this.#sync = new Sync(topics);
    this.#send({ type: 'hello', ...(cursor ? { cursor } : {}), topics });
    this.#heartbeat.start(HEARTBEAT_MS);
  }

  #receive(text) {
    this.#heartbeat.heard();
    this.#count({ received: 1 });
    const frame = JSON.parse(text);
    // A newer hub may say more than is known here.
    this.#frames[frame.type]?.(frame);
    if (frame.cursor && frame.type !== 'welcome') this.#cursor = frame.cursor;
  }

  #event({ event, data, at }) {
    this.#sync?.event();
    const info = { event, at };
    this.emit(event, data, info);
    this.emit('*', { event, data, at }, info);
  }

  // A hub that heard no hello in time says welcome without one, and once more when it comes.
  #welcome(frame) {
    this.#settings.learn(frame.reconnect);
    this.#heartbeat.start(frame.heartbeatMs || HEARTBEAT_MS);
    this.#cursor ??= frame.cursor ?? null;
    this.#sync?.welcomed(frame);
    if (this.state !== 'live') this.#backAgain();
    this.emit('welcome', frame);
    const late = this.topics.filter((topic) => !this.#known.has(topic));
    if (late.length) this.subscribe(late).catch((error) => this.emit('problem', error.problem ?? error));
    this.#send({ type: 'ping' });
  }

  #backAgain() {
    const attempts = this.#attempt;
    this.#attempt = 0;
    this.#become('live');
    const again = this.#everLive && this.#downSince !== null;
    const downMs = Date.now() - this.#downSince;
    this.#downSince = null;
    this.#everLive = true;
    if (!again || !this.#settings.syncOnReconnect) this.#sync = null;
    if (!again) return;
    this.#count({ reconnections: 1 });
    this.statistics.lastReconnectMs = downMs;
    this.#given.onReconnect?.({ attempts, downMs });
  }

  // The pong answers the ping sent after the welcome: what was missed has been sent before it.
  #synchronised() {
    const sync = this.#sync;
    this.#sync = null;
    if (!sync) return;
    const [server, client] = sync.report(this.#cursor);
    this.#count({ replayed: client.replayed });
    this.#given.onSyncComplete?.(server, client);
  }

  #gap(frame) {
    this.#sync?.gap(frame.missed);
    this.emit('gap', frame);
  }

  #parting(frame) {
    this.#bye = frame;
    this.emit('bye', frame);
  }

  #reply(frame) {
    if (!this.#requests.answer(frame) && !frame.ok) this.emit('problem', frame.problem ?? {});
  }

  #request(frame) {
    return this.#requests.ask(frame, (full) => this.#send(full));
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
      this.#count({ failures: 1 });
      this.#given.onHandshakeFailed?.(code);
    }
    if (this.state === 'idle') return;
    const final = code === CloseCode.NOT_ALLOWED || code === CloseCode.LOGIN_ENDED;
    if (final || this.#attempt >= this.#settings.maxReconnectAttempts)
      this.#become('offline', { reason: bye?.reason ?? reason });
    else this.#retryLater(bye?.retryAfterMs);
    this.emit('closed', { code, reason: bye?.reason ?? reason });
  }

  #retryLater(chosen) {
    const delay = chosen ?? backOff(this.#attempt, this.#settings);
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => this.#open('reconnecting'), delay);
    this.#become('reconnecting', { retryAt: Date.now() + delay });
  }

  #drop() {
    this.#clearRetry();
    this.#heartbeat.stop();
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    closeSocket(socket);
    this.#requests.abandon();
  }

  #count(more) {
    if (!this.#settings.enableStats) return;
    for (const [name, count] of Object.entries(more)) this.statistics[name] += count;
  }

  #clearRetry() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
  }

  #networkIsBack = () => {
    if (this.state === 'reconnecting' || this.state === 'offline') this.reconnect();
  };

  #become(state, { retryAt = null, reason = '' } = {}) {
    this.#change = { state, attempt: this.#attempt, maxAttempts: this.#settings.maxReconnectAttempts, retryAt, reason };
    this.emit('state', this.#change);
  }
}
