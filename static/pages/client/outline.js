/**
 * What the page of the client library shows, in order. Texts are keys into `words_en.js` and `words_fr.js`; names, defaults
 * and shapes are the same in every language. A test compares the tables with `carillon.d.ts` and `types.d.ts`.
 */

/** Options: name and default. */
export const OPTIONS = [
  ['url', 'location.origin'],
  ['topics', '[]'],
  ['token', null],
  ['ticket', null],
  ['bookmark', 'null'],
  ['maxReconnectAttempts', '15'],
  ['reconnectDelay', '1000'],
  ['maxReconnectDelay', '15000'],
  ['offlineRetryDelay', '0'],
  ['connectTimeout', '10000'],
  ['syncOnReconnect', 'true'],
  ['enableStats', 'true'],
  ['transports', "['websocket', 'sse']"],
  ['socketRetryDelay', '5000'],
  ['WebSocket', 'globalThis.WebSocket'],
  ['fetch', 'globalThis.fetch'],
  ['onReconnect', null],
  ['onDisconnect', null],
  ['onSyncComplete', null],
  ['onHandshakeFailed', null],
];

/** Members of a `Carillon`: name and how it is written. */
export const MEMBERS = [
  ['connect', 'connect()'],
  ['close', 'close()'],
  ['reconnect', 'reconnect()'],
  ['subscribe', 'subscribe(topics, { maxRate }?)'],
  ['unsubscribe', 'unsubscribe(topics)'],
  ['command', 'command(moduleId, command, params?)'],
  ['on', 'on(name, handler)'],
  ['off', 'off(name, handler)'],
  ['state', 'state'],
  ['change', 'change'],
  ['topics', 'topics'],
  ['bookmark', 'bookmark'],
  ['statistics', 'statistics'],
];

/** Events of the hub: name and data. */
export const HUB_EVENTS = [
  ['rt_module_online', '{ moduleId, lastSeen }'],
  ['rt_module_offline', '{ moduleId, disconnectedAt }'],
  ['rt_module_added', '{ moduleId, name, type, userId, status, lastSeen }'],
  ['rt_module_updated', '{ moduleId, name, type }'],
  ['rt_module_removed', '{ moduleId, userId }'],
  ['rt_telemetry_updated', '{ moduleId, telemetry }'],
  ['rt_alarm_raised', '{ alarmId, moduleId, … }'],
  ['rt_alarm_acknowledged', '{ alarmId, moduleId, … }'],
  ['rt_alarm_cleared', '{ alarmId, moduleId, … }'],
  ['rt_command_updated', '{ moduleId, commandId, command, status, ok }'],
  ['rt_twin_updated', '{ moduleId, desired, reported, … }'],
  ['rt_emergency_stop_updated', '{ stopId, scope, target, state, … }'],
  ['rt_user_logged_in', '{ id, name, email, isAdmin }'],
  ['rt_user_logged_out', '{ id, name, logoutTime }'],
  ['rt_user_profile_updated', '{ id, name, email }'],
  ['rt_global_stats_updated', '{ stats }'],
  ['rt_…', '{ … }'],
];

/** Events of the connection: name and data. */
export const CLIENT_EVENTS = [
  ['state', '{ state, transport, reason, retryAt, attempt, maxAttempts, code, detail }'],
  ['welcome', '{ sessionId, user, recovered, cursor, heartbeatMs }'],
  ['snapshot', '{ topic, data, cursor }'],
  ['gap', '{ missed }'],
  ['*', '{ event, data, at }'],
  ['problem', '{ type, title, status, detail, errors }'],
  ['bye', '{ code, reason, retryAfterMs }'],
  ['closed', '{ code, reason }'],
];

const STATES = ['idle', 'connecting', 'live', 'reconnecting', 'offline', 'ended'];
const REASONS = ['network', 'attempts', 'login', 'forbidden', 'protocol'];
const CODES = ['1002', '1003', '1006', '1007', '1009', '1012', '4001', '4003', '4008', '4029'];
const ERRORS = ['TypeError', 'RangeError', 'RefusedError', 'problem', 'gap', 'ended'];

const named = (prefix, names) => names.map((name) => [name, `${prefix}.${name}`]);
const described = (prefix, rows) => rows.map(([name, middle]) => [name, middle, `${prefix}.${name}`]);

/** The sections; a table's last column holds keys, the others code. */
export const SECTIONS = [
  { id: 'start', parts: [{ text: 'start.words' }, { code: 'html' }, { code: 'page' }, { text: 'start.after' }] },
  { id: 'node', parts: [{ text: 'node.words' }, { code: 'node' }, { text: 'node.after' }] },
  { id: 'options', parts: [{ text: 'options.words' }, { table: 'options', rows: described('option', OPTIONS) }] },
  {
    id: 'members',
    parts: [
      { table: 'members', rows: MEMBERS.map(([name, form]) => [form, `member.${name}`]) },
      { text: 'members.page' },
    ],
  },
  { id: 'events', parts: [{ text: 'events.words' }, { table: 'events', rows: described('event', HUB_EVENTS) }] },
  {
    id: 'connection',
    parts: [{ text: 'connection.words' }, { table: 'events', rows: described('event', CLIENT_EVENTS) }],
  },
  {
    id: 'states',
    parts: [
      { text: 'states.words' },
      { table: 'states', rows: named('state', STATES) },
      { text: 'states.reasons' },
      { table: 'reasons', rows: named('reason', REASONS) },
    ],
  },
  {
    id: 'missed',
    parts: [{ text: 'missed.words' }, { text: 'missed.gap' }, { text: 'missed.bookmark' }, { code: 'bookmark' }],
  },
  {
    id: 'delays',
    parts: [{ text: 'delays.words' }, { text: 'delays.back' }, { table: 'codes', rows: named('code', CODES) }],
  },
  { id: 'streams', parts: [{ text: 'streams.words' }, { text: 'streams.limits' }] },
  { id: 'access', parts: [{ text: 'access.words' }, { text: 'access.origin' }, { code: 'ticket' }] },
  { id: 'errors', parts: [{ table: 'errors', rows: named('error', ERRORS) }] },
];
