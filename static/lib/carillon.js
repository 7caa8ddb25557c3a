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
 * Every option, event, state and error is described at `/client` of a hub.
 *
 * Invariant: handlers see the frames of the hub in the order in which the hub sent them, and each only once: the cursor
 * sent after a drop is that of the last frame handed to them, whether or not one of them threw.
 */
import { Address } from './carillon/address.js';
import { Credentials } from './carillon/credentials.js';
import { Emitter, call } from './carillon/emitter.js';
import { Interruption } from './carillon/interruption.js';
import { askForLate } from './carillon/late.js';
import { Link } from './carillon/link.js';
import { topicsIn } from './carillon/loss.js';
import { Place } from './carillon/place.js';
import { Renewal } from './carillon/renewal.js';
import { RefusedError } from './carillon/refused.js';
import { Requests } from './carillon/requests.js';
import { Settings } from './carillon/settings.js';
import { Statistics } from './carillon/statistics.js';
import { watchSurroundings } from './carillon/surroundings.js';
import { Sync } from './carillon/sync.js';
import { Turns } from './carillon/turns.js';

export { CloseCode } from './carillon/loss.js';
export { RefusedError } from './carillon/refused.js';

/** One live connection to a hub. */
export class Carillon extends Emitter {
  #given;
  #settings;
  #place;
  #link;
  #sync = null;
  #interruption = new Interruption();
  #renewal;
  #turns = new Turns(() => this.#link.reopen());
  #requests = new Requests();
  #stopWatching = null;

  #frames = {
    event: (frame) => this.#event(frame),
    welcome: (frame) => this.#welcome(frame),
    snapshot: (frame) => this.emit('snapshot', frame),
    reply: (frame) => this.#reply(frame),
    gap: (frame) => this.#gap(frame),
    bye: (frame) => this.emit('bye', frame),
    pong: () => this.#sync?.completed(),
    synced: () => this.#synced(),
    error: ({ problem }) => this.#refused({ places: topicsIn(problem), problem }),
  };

  /** Counters of this connection; they stand still while the hub or the options turn `enableStats` off. */
  statistics = new Statistics();

  /** @param {import('./carillon/types.d.ts').CarillonOptions} [options] */
  constructor(options = {}) {
    super();
    this.#given = options;
    this.#settings = new Settings(options);
    this.#place = new Place(options.topics ?? [], options.bookmark);
    const address = new Address(options.url);
    const credentials = new Credentials(options, address);
    const { transports, WebSocket = globalThis.WebSocket } = options;
    this.#link = new Link({ address, credentials, WebSocket, transports }, this.#settings, {
      hello: () => this.#hello(),
      start: () => this.#startStream(),
      frame: (frame) => this.#receive(frame),
      refused: (refused) => this.#refused(refused),
      lost: () => this.#settle(),
      parted: (parting) => this.#parted(parting),
      change: (change) => this.emit('state', change),
    });
    this.#renewal = new Renewal(credentials, (token) => this.#renew(token));
  }

  /** @returns {import('./carillon/types.d.ts').ConnectionState} */
  get state() {
    return this.#link.change.state;
  }

  /** The last `state` event, for whoever starts to listen later. */
  get change() {
    return this.#link.change;
  }

  /** Topics wanted, whether or not the connection stands. */
  get topics() {
    return this.#place.topics;
  }

  /** What the option `bookmark` of a later client needs to go on from here; null before the first welcome. */
  get bookmark() {
    return this.#place.bookmark;
  }

  /** Opens the connection, and keeps it open until `close`. */
  connect() {
    if (this.state !== 'idle') return;
    this.#stopWatching = watchSurroundings(this, this.#link);
    this.#link.open('connecting');
  }

  /** Ends the connection for good; `connect` opens another. */
  close() {
    this.#stopWatching?.();
    this.#settle();
    this.#link.close();
    this.#place.forget();
    this.#interruption.forget();
  }

  /** Forces a new attempt at once, with the back-off starting anew. */
  reconnect() {
    if (this.state === 'idle') return this.connect();
    this.#interruption.begin();
    this.#settle();
    return this.#link.open(this.#interruption.wasLive ? 'reconnecting' : 'connecting');
  }

  /**
   * Adds topics; resolves when the hub agreed (at once when it is not connected: they are asked for on connecting).
   * @param {string[]} topics
   * @param {{maxRate?: number | null}} [options] Highest number of updates a second of each state.
   */
  async subscribe(topics, { maxRate = null } = {}) {
    const undo = this.#place.add(topics, maxRate);
    if (this.state !== 'live') return undefined;
    if (this.#isStream) return this.#place.late.length ? this.#turns.next(topics) : undefined;
    this.#place.ask(topics);
    try {
      return await this.#ask(topics, maxRate);
    } catch (error) {
      if (error instanceof RefusedError && error.problem.status < 500) undo();
      throw error;
    }
  }

  /** Gives topics up. @param {string[]} topics */
  async unsubscribe(topics) {
    this.#place.remove(topics);
    if (this.state !== 'live') return undefined;
    return this.#isStream ? this.#turns.next([]) : this.#request({ type: 'unsubscribe', topics });
  }

  /**
   * Sends a command to a module; resolves with its answer.
   * @param {string} moduleId
   * @param {string} command
   * @param {object} [params]
   */
  async command(moduleId, command, params = {}) {
    if (this.#isStream) throw new RefusedError({ title: 'no commands', detail: 'a stream of events only listens' });
    return this.#request({ type: 'command', moduleId, command, params });
  }

  get #isStream() {
    return this.change.transport === 'sse';
  }

  #hello() {
    if (!this.#settings.syncOnReconnect) this.#place.forget();
    const { cursor, topics } = this.#place.start();
    this.#begin(topics);
    const named = this.#place.withRates(topics);
    const outage = this.#settings.wantsFigures ? this.#interruption.told(this.#link.attempts) : {};
    this.#link.send({ type: 'hello', ...(cursor ? { cursor } : {}), topics: named, ...outage });
  }

  #startStream() {
    if (!this.#settings.syncOnReconnect) this.#place.forget();
    const { cursor, topics, fresh } = this.#place.startWhole();
    this.#begin(topics);
    return { cursor, topics: this.#place.withRates(topics), fresh };
  }

  #begin(topics) {
    this.#sync?.cancel();
    this.#sync = new Sync(topics, () => this.#synchronised());
  }

  #receive(frame) {
    if (frame.type === 'alive') return;
    this.statistics.count({ received: 1 });
    // Before the handlers: a `bookmark` taken in one of them includes what it is just being told.
    this.#place.pass(frame);
    // A newer hub may say more than is known here.
    if (Object.hasOwn(this.#frames, frame.type)) this.#frames[frame.type](frame);
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
    this.statistics.areOn = this.#settings.enableStats;
    this.#sync?.welcomed(frame);
    const attempts = this.#link.attempts;
    const isBack = this.state !== 'live';
    this.#link.welcomed(frame.heartbeatMs || undefined);
    if (isBack) this.#backAgain(attempts);
    this.#renewal.plan();
    this.emit('welcome', frame);
    if (!this.#isStream) this.#askForLate();
    this.#link.send({ type: 'ping' });
  }

  #askForLate() {
    const report = (error) => this.emit('problem', error.problem ?? error);
    askForLate(this.#place.lateByRate, {
      together: (topics, maxRate) => this.#ask(topics, maxRate).then(() => this.#place.ask(topics)),
      alone: (topic) => {
        const maxRate = this.#place.rateOf(topic);
        if (maxRate !== undefined && this.state === 'live') this.subscribe([topic], { maxRate }).catch(report);
      },
    });
  }

  #ask(topics, maxRate) {
    return this.#request({ type: 'subscribe', topics, ...(maxRate === null ? {} : { maxRate }) });
  }

  #backAgain(attempts) {
    const downMs = this.#interruption.end();
    if (downMs === null) return;
    if (this.#settings.syncOnReconnect) this.#sync?.report();
    this.statistics.reconnected(downMs);
    call(this.#given.onReconnect, { attempts, downMs });
  }

  #synchronised() {
    const [server, client] = this.#sync.sides(this.#place.cursor);
    this.statistics.count({ replayed: client.replayed });
    call(this.#given.onSyncComplete, server, client);
  }

  #gap(frame) {
    this.#sync?.gap(frame.missed);
    this.emit('gap', frame);
  }

  // The topics at fault are named by their places in what the line began with, or the hub takes one back by its name.
  #refused({ places, problem }) {
    const topics = problem.topic ? [problem.topic] : this.#place.at(places);
    this.#place.remove(topics);
    if (!this.#turns.refused(topics, problem)) this.emit('problem', problem);
    return topics.length > 0;
  }

  // A refusal without a number is about the hello.
  #reply(frame) {
    const { id, ok, problem = {} } = frame;
    if (!this.#requests.answer(frame) && !ok) this.#refused({ places: id == null ? topicsIn(problem) : [], problem });
  }

  #synced() {
    this.#turns.taken();
    this.#sync?.completed();
  }

  #request(frame) {
    return this.#requests.ask(frame, (full) => this.#link.send(full));
  }

  #renew(accessToken) {
    if (this.#isStream) this.#link.reopen();
    else this.#request({ type: 'token', accessToken }).catch((error) => this.emit('problem', error.problem ?? error));
  }

  #parted({ code, reason, wasLive, wasHeard }) {
    if (wasLive && this.#interruption.begin()) call(this.#given.onDisconnect, { code, reason });
    if (!wasHeard) {
      this.statistics.count({ failures: 1 });
      call(this.#given.onHandshakeFailed, code);
    }
    this.emit('closed', { code, reason });
  }

  // Nobody waits for a line that is gone.
  #settle() {
    this.#sync?.cancel();
    this.#renewal.stop();
    this.#turns.abandon();
    this.#requests.abandon();
  }
}
