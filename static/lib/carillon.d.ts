/** The client library of Carillon: one connection to a hub that mends itself. */
import type {
  Bookmark,
  CarillonEvents,
  CarillonOptions,
  ConnectionState,
  EventInfo,
  Problem,
  StateChange,
} from './carillon/types.d.ts';

export type {
  Alarm,
  Bookmark,
  CarillonEvents,
  CarillonOptions,
  ClientEvents,
  ClientSync,
  ConnectionState,
  EventInfo,
  HubEvents,
  Parting,
  Person,
  Problem,
  ServerSync,
  StateChange,
  StateReason,
  Telemetry,
  TelemetryValue,
  Token,
  Transport,
  WantedTopic,
} from './carillon/types.d.ts';

/** The data of an event: known by its name, or anything for a custom one. */
export type DataOf<Name extends string> = Name extends keyof CarillonEvents ? CarillonEvents[Name] : any;

/** Close codes of the hub, and the one that every WebSocket gives to a connection lost without a word. */
export declare const CloseCode: Readonly<{
  PROTOCOL: 1002;
  UNSUPPORTED: 1003;
  LOST: 1006;
  UNREADABLE: 1007;
  TOO_LARGE: 1009;
  RESTART: 1012;
  LOGIN_ENDED: 4001;
  NOT_ALLOWED: 4003;
  TOO_SLOW: 4008;
  TOO_MANY: 4029;
}>;

/** What the hub refused; `problem` is its RFC 9457 object. */
export declare class RefusedError extends Error {
  constructor(problem: Problem);
  problem: Problem;
}

/** One live connection to a hub. */
export declare class Carillon {
  /** @throws {TypeError | RangeError} When `url` is missing outside a page, no way to the hub is left, or a `maxRate` is none. */
  constructor(options?: CarillonOptions);

  /**
   * Listens to an event; answers a function that stops listening. What a handler throws is reported to the console; it stops
   * no other, and the event counts as handled: it does not come again.
   */
  on<Name extends keyof CarillonEvents | (string & {})>(
    name: Name,
    handler: (data: DataOf<Name>, info?: EventInfo) => void,
  ): () => void;
  /** Stops listening. */
  off<Name extends keyof CarillonEvents | (string & {})>(
    name: Name,
    handler: (data: DataOf<Name>, info?: EventInfo) => void,
  ): void;

  readonly state: ConnectionState;
  /** The last `state` event, for whoever starts to listen later. */
  readonly change: StateChange;
  /** Topics wanted, whether or not the connection stands. */
  readonly topics: string[];
  /** What the option `bookmark` of a later client needs to go on from here; null before the first welcome. */
  readonly bookmark: Bookmark | null;
  /** Counters of this client; they stand still while the hub or the options turn `enableStats` off. */
  readonly statistics: {
    received: number;
    reconnections: number;
    failures: number;
    replayed: number;
    lastReconnectMs: number | null;
  };

  /** Opens the connection, and keeps it open until `close`. */
  connect(): void;
  /** Ends the connection for good; `connect` opens another. */
  close(): void;
  /** Forces a new attempt at once, with the back-off starting anew. */
  reconnect(): void;
  /**
   * Adds topics; resolves when the hub agreed, or at once when it is not connected. `maxRate`: the highest number of updates
   * a second of each state (0.001 to 1000); for topics that are had already it replaces the earlier one.
   *
   * @throws {RefusedError | RangeError}
   */
  subscribe(topics: string[], options?: { maxRate?: number }): Promise<unknown>;
  /** Gives topics up. @throws {RefusedError} */
  unsubscribe(topics: string[]): Promise<unknown>;
  /** Sends a command to a module; resolves with its answer. Not over SSE. @throws {RefusedError} */
  command(moduleId: string, command: string, params?: object): Promise<unknown>;
}
