/** The shapes that the client library takes and gives. */

export type Transport = 'websocket' | 'sse';
export type ConnectionState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'ended';
/** Why a connection is `offline` (`network`, `attempts`) or `ended` (the others). */
export type StateReason = 'network' | 'attempts' | 'login' | 'forbidden' | 'protocol';

export interface CarillonOptions {
  /** Where the hub is: its origin, or the address of its `/ws`. By default the origin of the page; outside a page it must be told. */
  url?: string;
  /** Topics wanted from the start. */
  topics?: WantedTopic[];
  /** Where an earlier client stopped, from its `bookmark`: what was missed since comes, and no snapshot. */
  bookmark?: Bookmark | null;
  /** Answers an access token; asked before every attempt. Without it the browser's cookie is the credential. */
  token?: () => Token | Promise<Token>;
  /** Answers a ticket of `POST /api/v1/auth/ticket`, for pages of another origin; asked before every attempt. */
  ticket?: () => string | Promise<string>;
  /** Attempts before giving up (15). */
  maxReconnectAttempts?: number;
  /** First upper bound of the delay before an attempt, in milliseconds (1000); it doubles each time. */
  reconnectDelay?: number;
  /** Highest upper bound of the delay, in milliseconds (15000). */
  maxReconnectDelay?: number;
  /** After the last attempt, looks again this often, in milliseconds (0: never). */
  offlineRetryDelay?: number;
  /** How long an attempt may take until the hub's welcome, in milliseconds (10000). */
  connectTimeout?: number;
  /** Asks for what was missed after a drop (true). */
  syncOnReconnect?: boolean;
  /** Counts frames and reconnections in `statistics` (true). */
  enableStats?: boolean;
  /** Which ways to the hub may be taken (both). */
  transports?: Transport[];
  /** On a stream: when to look for the first time whether WebSockets get through, in milliseconds (5000). */
  socketRetryDelay?: number;
  /** Another implementation of the browser's interface, such as `ws` from npm. */
  WebSocket?: unknown;
  /** Another implementation of `fetch`. */
  fetch?: typeof globalThis.fetch;
  /** Like handlers of events, these stop nothing when they throw. */
  onReconnect?: (info: { attempts: number; downMs: number }) => void;
  onDisconnect?: (info: Parting) => void;
  onSyncComplete?: (server: ServerSync, client: ClientSync) => void;
  /** An attempt reached nobody, or was refused before the hub said a word. */
  onHandshakeFailed?: (code: number) => void;
}

/** A topic, alone or with the highest number of updates a second of each state (0.001 to 1000). */
export type WantedTopic = string | { topic: string; maxRate?: number };

/** An access token, alone or as logging in answers it: with `expiresIn`, in seconds, it is renewed in time. */
export type Token = string | { accessToken: string; expiresIn?: number | null };

export interface Bookmark {
  cursor: string;
  topics: string[];
}

export interface StateChange {
  state: ConnectionState;
  /** How the hub is reached while `live`. */
  transport: Transport | null;
  /** Attempts since it was last live. */
  attempt: number;
  maxAttempts: number;
  /** When the next attempt begins, in milliseconds since 1970; null when none is planned. */
  retryAt: number | null;
  reason: StateReason | null;
  /** The close code of the last connection. */
  code: number | null;
  /** What the hub or the browser said about it. */
  detail: string;
}

export interface Parting {
  code: number;
  reason: string;
}

export interface ServerSync {
  sessionId: string;
  /** Whether everything missed was replayed. */
  recovered: boolean;
  /** How many events are missing; null when nobody can tell. */
  missed: number | null;
  cursor: string | null;
}

export interface ClientSync {
  topics: string[];
  cursor: string | null;
  /** Missed events that came after all. */
  replayed: number;
}

export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  errors?: { pointer: string; detail: string }[];
  /** The topic that the hub has taken back, and the client given up. */
  topic?: string;
}

export type TelemetryValue = number | boolean | string | null;
export type Telemetry = Record<string, TelemetryValue>;

export interface Person {
  id: string;
  name: string;
  email: string;
  isAdmin: boolean;
  roles: string[];
}

/** What a rule found wrong with a module, from when it was raised until it is cleared. */
export interface Alarm {
  alarmId: string;
  ruleId: string;
  ruleName: string;
  moduleId: string;
  moduleName: string;
  severity: 'info' | 'warning' | 'critical';
  state: 'active' | 'acknowledged' | 'cleared';
  condition: { kind: 'threshold' | 'rate' | 'silence'; [words: string]: any };
  value: number | null;
  since: string;
  raisedAt: string;
  acknowledgedAt: string | null;
  acknowledgedBy: string | null;
  clearedAt: string | null;
  clearedBy: string | null;
  clearCause: string | null;
}

/** The events of the hub, by name; custom ones are `rt_` and a name of their own. */
export interface HubEvents {
  rt_module_online: { moduleId: string; lastSeen: string };
  rt_module_offline: { moduleId: string; disconnectedAt: string; lastSeen?: string };
  rt_module_added: {
    moduleId: string;
    name: string;
    type: string;
    userId: string;
    status?: 'online' | 'offline';
    lastSeen?: string | null;
  };
  rt_module_removed: { moduleId: string; userId: string };
  rt_module_updated: { moduleId: string; name: string; type: string; userId?: string };
  rt_telemetry_updated: { moduleId: string; telemetry: Telemetry };
  rt_alarm_raised: Alarm;
  rt_alarm_acknowledged: Alarm;
  rt_alarm_cleared: Alarm;
  rt_command_updated: { moduleId: string; commandId: string; command: string; status: string; ok: boolean | null };
  rt_twin_updated: {
    moduleId: string;
    desired: Record<string, any>;
    desiredVersion: number;
    desiredAt: string | null;
    reported: Record<string, any>;
    reportedVersion: number;
    reportedAt: string | null;
  };
  rt_emergency_stop_updated: {
    stopId: string;
    scope: 'module' | 'type' | 'all';
    target: string;
    reason: string;
    state: 'pending' | 'refused' | 'acknowledged' | 'cleared';
    moduleId: string | null;
  };
  rt_user_logged_in: { id: string; name: string; email: string; isAdmin: boolean };
  rt_user_logged_out: { id: string; name: string; logoutTime: string };
  rt_user_profile_updated: { id: string; name: string; email: string };
  rt_global_stats_updated: { stats: Record<string, number> };
}

/** What the client tells of itself and of the connection. */
export interface ClientEvents {
  state: StateChange;
  welcome: { sessionId: string; user: Person; recovered: boolean; cursor: string; heartbeatMs: number };
  snapshot: { topic: string; data: any; cursor: string };
  gap: { missed: number | null };
  bye: { code: number; reason: string; retryAfterMs: number | null };
  closed: Parting;
  problem: Problem;
  '*': { event: string; data: any; at: string };
}

export type CarillonEvents = HubEvents & ClientEvents;

/** What comes with an event of the hub: its name and its moment, in RFC 3339. */
export interface EventInfo {
  event: string;
  at: string;
}
