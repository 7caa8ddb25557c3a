import { backOff } from './back_off.js';
import { Heartbeat } from './heartbeat.js';
import { CloseCode, isFault } from './loss.js';
import { Retries } from './retries.js';
import { SocketLine } from './socket_line.js';
import { StreamLine } from './stream_line.js';
import { hasNoNetwork } from './surroundings.js';
import { WayBack } from './way_back.js';
import { Ways } from './ways.js';

/** @typedef {import('./types.d.ts').StateChange} StateChange */

const HEARTBEAT_MS = 25000;
/** Faults in a row after which coming back helps nobody. */
const FAULTS_MAX = 3;

/**
 * Keeps one line to the hub: opens it, notices its end, decides whether and when to open the next.
 *
 * Invariant: there is at most one line, and nothing of an earlier one is heard.
 */
export class Link {
  #means;
  #settings;
  #tell;
  #retries;
  #ways;
  #line = null;
  #bye = null;
  #isHeard = false;
  #isLive = false;
  #faults = 0;
  #hasAskedAgain = false;
  #retryTimer = null;
  #deadline = null;
  /** Until when the hub asked us to wait. */
  #chosenUntil = 0;
  #heartbeat = new Heartbeat({ ask: () => this.send({ type: 'ping' }), dead: () => this.#end('silent') });
  #wayBack = new WayBack({
    open: (tell) => new SocketLine(this.#means, tell),
    found: (line) => this.#adopt(line),
    first: () => this.#settings.socketRetryDelay,
  });
  /** @type {StateChange} */
  change = {
    state: 'idle',
    transport: null,
    attempt: 0,
    maxAttempts: 0,
    retryAt: null,
    reason: null,
    code: null,
    detail: '',
  };

  /**
   * @param {import('./parts.d.ts').LinkMeans} means
   * @param {import('./settings.js').Settings} settings
   * @param {import('./parts.d.ts').LinkEvents} tell
   */
  constructor(means, settings, tell) {
    this.#means = means;
    this.#settings = settings;
    this.#tell = tell;
    this.#retries = new Retries(settings);
    this.#ways = new Ways({ transports: means.transports, hasSockets: Boolean(means.WebSocket) });
  }

  /** Attempts since the connection was last live. */
  get attempts() {
    return this.#retries.attempt;
  }

  /** Opens a line at once, with the back-off starting anew. @param {StateChange['state']} state */
  open(state) {
    this.#retries.reset();
    this.#chosenUntil = 0;
    this.#hasAskedAgain = false;
    this.#faults = 0;
    this.#attempt(state);
  }

  /** Opens a new line in place of one that works, without a word to anyone. */
  reopen() {
    if (this.#isLive) this.#openLine(this.#line.kind);
  }

  /** Closes for good. */
  close() {
    this.#drop();
    this.#become('idle');
  }

  /** Says something to the hub, if the line can. */
  send(frame) {
    this.#line?.send(frame);
  }

  /** The hub has said welcome: the line works. @param {number} [heartbeatMs] */
  welcomed(heartbeatMs = HEARTBEAT_MS) {
    const { kind } = this.#line;
    clearTimeout(this.#deadline);
    this.#isLive = true;
    this.#hasAskedAgain = false;
    this.#ways.worked(kind);
    this.#retries.live();
    this.#heartbeat.start(heartbeatMs, { canAsk: kind === 'websocket' });
    if (kind === 'sse' && this.#ways.hasChoice) this.#wayBack.start();
    this.#become('live', { transport: kind });
  }

  /** The network came back: everybody's did, so each takes a moment of their own. */
  networkIsBack = () => {
    if (this.#isLive) return this.#check();
    if (!this.#isWaiting()) return undefined;
    this.#drop();
    this.#retries.reset();
    this.#ways.reset();
    return this.#wait('reconnecting', backOff(0, this.#settings));
  };

  /** Somebody looks at the page again. */
  isSeen = () => {
    if (this.#isLive) this.#check();
    else if (this.#isWaiting() && !this.#line) this.open(this.change.state);
  };

  /** The browser says that there is no network; a short break may leave the line whole. */
  networkIsGone = () => {
    if (this.#isLive) this.#check();
  };

  #isWaiting() {
    const { state } = this.change;
    return (state === 'reconnecting' || state === 'offline') && Date.now() >= this.#chosenUntil;
  }

  #check() {
    if (this.#line.kind === 'websocket') this.#heartbeat.check();
  }

  #attempt(state) {
    this.#drop();
    this.#become(state, { reason: state === 'offline' ? this.change.reason : null });
    this.#openLine(this.#ways.next());
  }

  #openLine(kind) {
    this.#line?.close();
    this.#wayBack.stop();
    this.#bye = null;
    this.#isHeard = false;
    const tell = this.#listener(kind);
    this.#line =
      kind === 'sse'
        ? new StreamLine({ ...this.#means, start: this.#tell.start() }, tell)
        : new SocketLine(this.#means, tell);
    this.#limit();
  }

  // A socket got through beside the stream: goes on there, from the last event handled.
  #adopt(line) {
    this.#line.close();
    this.#line = line;
    line.listen(this.#listener(line.kind, false));
    this.#limit();
    this.#tell.hello();
  }

  // What the hub told a socket before it heard the hello has no place in the order of the stream that led until then.
  #listener(kind, isInOrder = true) {
    return {
      open: () => kind === 'websocket' && this.#tell.hello(),
      frame: (frame) => {
        isInOrder ||= frame.type === 'welcome' || frame.type === 'bye';
        if (isInOrder) this.#take(frame);
      },
      lost: (loss) => this.#lost(loss),
    };
  }

  #limit() {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end('no welcome in time'), this.#settings.connectTimeout);
  }

  #take(frame) {
    this.#heartbeat.heard();
    this.#isHeard = true;
    if (frame.type === 'bye') this.#bye = frame;
    this.#tell.frame(frame);
  }

  #end(reason) {
    this.#lost({ code: CloseCode.LOST, reason, retryAfterMs: null });
  }

  /** @param {import('./parts.d.ts').Loss} loss */
  #lost({ code, reason, retryAfterMs, refused, wasHeard = this.#isHeard }) {
    if (refused && this.#tell.refused(refused)) return this.#openLine(this.#line.kind);
    const [bye, wasLive] = [this.#bye, this.#isLive];
    this.#drop();
    const told = { code: bye?.code ?? code, detail: bye?.reason ?? reason };
    if (!wasHeard && told.code === CloseCode.LOST) this.#ways.failed();
    else this.#ways.answered();
    this.#retries.lost();
    this.#tell.lost();
    const reasonToStay = this.#reasonToStay(told.code);
    if (reasonToStay) this.#become('ended', { ...told, reason: reasonToStay });
    else this.#retry(told, bye?.retryAfterMs ?? retryAfterMs);
    this.#tell.parted({ code: told.code, reason: told.detail, wasLive, wasHeard });
    return undefined;
  }

  #reasonToStay(code) {
    this.#faults = isFault(code) ? this.#faults + 1 : 0;
    if (code === CloseCode.NOT_ALLOWED) return 'forbidden';
    if (this.#faults >= FAULTS_MAX) return 'protocol';
    if (code !== CloseCode.LOGIN_ENDED) return null;
    // Whoever gives tokens may have a newer one.
    const isWorthAsking = this.#means.credentials.areFresh && !this.#hasAskedAgain;
    this.#hasAskedAgain = true;
    return isWorthAsking ? null : 'login';
  }

  #retry(told, chosen) {
    const { maxReconnectDelay, offlineRetryDelay } = this.#settings;
    this.#chosenUntil = chosen ? Date.now() + chosen : 0;
    // Without a network an attempt costs nobody anything, and says nothing about the hub.
    if (hasNoNetwork())
      this.#wait('offline', chosen ?? (maxReconnectDelay * (1 + Math.random())) / 2, { ...told, reason: 'network' });
    else if (!this.#retries.areUsedUp) {
      const delay = this.#retries.next();
      this.#wait('reconnecting', chosen ?? delay, told);
    } else if (offlineRetryDelay > 0)
      this.#wait('offline', chosen ?? offlineRetryDelay, { ...told, reason: 'attempts' });
    else this.#become('offline', { ...told, reason: 'attempts' });
  }

  #wait(state, delay, told = {}) {
    this.#retryTimer = setTimeout(() => this.#attempt(state), delay);
    this.#become(state, { ...told, retryAt: Date.now() + delay });
  }

  #drop() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#deadline);
    this.#heartbeat.stop();
    this.#wayBack.stop();
    this.#isLive = false;
    this.#line?.close();
    this.#line = null;
  }

  #become(state, { transport = null, retryAt = null, reason = null, code = null, detail = '' } = {}) {
    const { maxReconnectAttempts: maxAttempts } = this.#settings;
    if (state === 'live' && state === this.change.state && transport === this.change.transport) return;
    this.change = { state, transport, attempt: this.attempts, maxAttempts, retryAt, reason, code, detail };
    this.#tell.change(this.change);
  }
}
