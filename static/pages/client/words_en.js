/** The page of the client library in English. Words between backticks are code. */
export const en = {
  title: 'Client library',
  lede: 'One ES module without dependencies that keeps a live connection to this hub: in any page, and in Node 20 or newer. It comes back by itself after a drop, goes on where it was, and says so when something is missing.',
  contents: 'On this page',
  copy: 'Copy',
  copied: 'Copied',
  'file.module': 'The module',
  'file.types': 'Its types',
  'file.package': 'Its package.json',

  'section.start': 'A complete example',
  'section.node': 'In Node',
  'section.options': 'Options',
  'section.members': 'Methods and properties',
  'section.events': 'Events of the hub',
  'section.connection': 'Events of the connection',
  'section.states': 'States',
  'section.missed': 'What was missed',
  'section.delays': 'Coming back',
  'section.streams': 'Where WebSockets are blocked',
  'section.access': 'Who one is',
  'section.errors': 'Errors',

  'head.option': 'Option',
  'head.default': 'Default',
  'head.member': 'Member',
  'head.event': 'Event',
  'head.data': 'Data',
  'head.state': 'State',
  'head.reason': 'Reason',
  'head.code': 'Code',
  'head.error': 'Error',
  'head.meaning': 'Meaning',

  'start.words':
    'A list of modules that stays right. The page is served by the hub or by an origin that `http.allowed_origins` names, and somebody is logged in.',
  'start.after':
    'A snapshot is the whole state of a topic; events change it from there. Treat every `snapshot` as the new truth: it comes at the start, and again after a gap.',
  'node.words':
    'The folder `static/lib` is a package: `npm install ./static/lib` gives `carillon-client`. Node 22 and newer has a WebSocket of its own; in Node 20 give it `ws`, or nothing: then the events come as a stream over HTTP.',
  'node.after': 'The connection keeps the process alive until `close()`.',
  'options.words':
    'All are optional. What you give counts; what you leave out, the hub may set for all its clients (`reconnect.*` in its configuration); then the default. Times are in milliseconds.',
  'option.url': 'Where the hub is: its origin, or the address of its `/ws`. Outside a page it must be given.',
  'option.topics':
    'Topics wanted from the start: `modules`, `module:<id>`, `dashboard`, `admin`, `alarms`, `user:<id>`, `custom:<name>`. `{ topic, maxRate }` bounds the updates a second of each state.',
  'option.token':
    'A function that answers an access token, or what logging in answers. It is asked before every attempt.',
  'option.ticket': 'A function that answers a ticket of `POST /api/v1/auth/ticket`. It is asked before every attempt.',
  'option.bookmark': 'The `bookmark` of an earlier client: what was missed since then comes instead of a snapshot.',
  'option.maxReconnectAttempts': 'Attempts in a row before the state becomes `offline`.',
  'option.reconnectDelay':
    'The longest first delay. It doubles with every attempt; the delay itself is drawn at random between 0 and it.',
  'option.maxReconnectDelay': 'How far it doubles.',
  'option.offlineRetryDelay':
    'How often to look again after the last attempt, for screens that nobody watches. 0: only when the network returns, the page is looked at, or `reconnect()` is called.',
  'option.connectTimeout': 'How long an attempt may take until the welcome of the hub.',
  'option.syncOnReconnect': 'Asks for what was missed after a drop. Without it every connection begins with snapshots.',
  'option.enableStats': 'Counts in `statistics`, and tells the hub how long interruptions last if it wants to know.',
  'option.transports': 'Which ways to the hub may be taken.',
  'option.socketRetryDelay':
    'On a stream: when to look first whether WebSockets get through; then ever more seldom, up to ten minutes.',
  'option.WebSocket': 'Another implementation of the same interface, such as `ws`.',
  'option.fetch': 'Another implementation of `fetch`.',
  'option.onReconnect': 'Called with `{ attempts, downMs }` when a lost connection is live again.',
  'option.onDisconnect': 'Called with `{ code, reason }` when a live connection is lost; once per interruption.',
  'option.onSyncComplete':
    'Called after a reconnection when all that was missed has been handled, with two objects: `{ sessionId, recovered, missed, cursor }` of the hub, `{ topics, cursor, replayed }` of the client.',
  'option.onHandshakeFailed': 'Called with a code when an attempt reached nobody or was refused without a word.',

  'member.connect': 'Opens the connection and keeps it open.',
  'member.close': 'Ends it for good. `connect()` begins anew, with snapshots.',
  'member.reconnect': 'Forces an attempt at once, in any state, with the delays starting anew.',
  'member.subscribe':
    'Adds topics. Resolves when the hub agreed; at once when not connected. `maxRate` bounds the updates a second of each state, from 0.001 to 1000, and holds until another call names the topic.',
  'member.unsubscribe': 'Gives topics up.',
  'member.command': 'Sends a command to a module; resolves with its answer. Not on a stream.',
  'member.on':
    'Listens; answers a function that stops listening. Handlers of `rt_` events get the data and `{ event, at }`. One that throws is reported to the console and stops nobody else; the event counts as handled and does not come again.',
  'member.off': 'Stops listening.',
  'member.state': 'The present state, see below.',
  'member.change': 'The last `state` event, for a banner that is drawn later.',
  'member.topics': 'The topics wanted, connected or not.',
  'member.bookmark': '`{ cursor, topics }`: where this client is. null before the first welcome.',
  'member.statistics':
    '`{ received, reconnections, failures, replayed, lastReconnectMs }`, counted since the client was made.',
  'members.page': 'In a page, `window.mc_socketReconnect()` calls `reconnect()` of every client that is connected.',

  'events.words':
    'They come in the order of the hub, each once, to handlers of their name. A topic brings what you may see of it; telemetry comes as the newest values, everything else one by one.',
  'event.rt_module_online': 'A module is there.',
  'event.rt_module_offline': 'A module is gone.',
  'event.rt_module_added': 'A module is new, or you may see it now.',
  'event.rt_module_updated': 'A module is called otherwise.',
  'event.rt_module_removed': 'A module is no more, or you may not see it any more.',
  'event.rt_telemetry_updated': 'All latest values of a module.',
  'event.rt_alarm_raised': 'A rule found something wrong with a module; the whole alarm.',
  'event.rt_alarm_acknowledged': 'Somebody has seen to an alarm.',
  'event.rt_alarm_cleared': 'An alarm is over.',
  'event.rt_command_updated': 'How far a command to a module has come.',
  'event.rt_twin_updated': 'The wanted and the reported state of a module.',
  'event.rt_emergency_stop_updated': 'How far an emergency stop has come.',
  'event.rt_user_logged_in': 'Topic `admin`: somebody came.',
  'event.rt_user_logged_out': 'Topic `admin`: somebody left.',
  'event.rt_user_profile_updated': 'Topic `admin`, and to the person: a name or address changed.',
  'event.rt_global_stats_updated': 'Topic `admin`: the figures of the house, at most once a second.',
  'event.rt_…': 'Whatever is published by `POST /api/v1/events`.',
  'connection.words': 'The same `on()` tells of the connection itself.',
  'event.state': 'The state changed. `retryAt` is the moment of the next attempt, in milliseconds since 1970, or null.',
  'event.welcome': 'The hub answered; who you are, and whether it goes on from the cursor (`recovered`).',
  'event.snapshot': 'The whole state of a topic: after subscribing, and after a gap.',
  'event.gap': 'Events are missing here: how many, or null when nobody can tell. Snapshots of all topics follow.',
  'event.*': 'Every `rt_` event, after the handlers of its name.',
  'event.problem': 'The hub refused something that nobody waits for, such as a topic of the options.',
  'event.bye': 'The hub is about to close.',
  'event.closed': 'A connection or an attempt ended; the state says what comes of it.',

  'states.words': 'A banner needs `state`, `reason` and `retryAt`; nothing else changes what it says.',
  'state.idle': 'Before `connect()` and after `close()`.',
  'state.connecting': 'The first attempt.',
  'state.live': 'Connected: what is shown is what is. `transport` says by which way.',
  'state.reconnecting': 'Interrupted. An attempt runs, or begins at `retryAt`.',
  'state.offline':
    'Interrupted, with little hope: see the reason. It still comes back by itself when the network does.',
  'state.ended': 'Over. Only `reconnect()` or `connect()` begin again.',
  'states.reasons': 'The reasons of `offline` (the first two) and `ended`:',
  'reason.network': 'The browser says that there is no network.',
  'reason.attempts': '`maxReconnectAttempts` were in vain.',
  'reason.login': 'The login ended, was revoked or has expired, and the token function had nothing newer.',
  'reason.forbidden': 'The hub does not let this person in.',
  'reason.protocol': 'Three times in a row the hub and this client did not understand each other: one of them is too old.',

  'missed.words':
    'With every event comes a cursor: everything up to here has been seen. After a drop the client hands in the last one, and the hub sends what was missed: every event, and of telemetry the newest values, in order, none twice. `onSyncComplete` tells when that is done.',
  'missed.gap':
    'If the hub no longer has all of it, or the cursor is of another hub, `gap` is fired before the snapshots. Nothing is ever missing without one.',
  'missed.bookmark':
    'The cursor lives as long as the page. To keep it longer, keep the `bookmark` together with what you made of the events: without that state a cursor is of no use.',
  'delays.words':
    'A delay is drawn at random from 0 to `reconnectDelay`, doubled with every attempt up to `maxReconnectDelay` (full jitter), so that clients which lost a hub together do not come back together. Connections that break within five seconds do not make it short again.',
  'delays.back':
    'When the browser says that the network is back, delays begin anew; when the page is looked at again, the next attempt is made at once. A moment that the hub chose (`retryAfterMs`, `Retry-After`) counts before all of this.',
  'code.1002': 'Protocol error: comes back; after three faults in a row `ended`. The same holds for 1003, 1007 and 1009.',
  'code.1003': 'A message of a kind that the hub does not take.',
  'code.1006': 'Lost without a word: comes back.',
  'code.1007': 'A message that cannot be read, on either side.',
  'code.1009': 'A message that is too large.',
  'code.1012': 'The hub restarts, or your roles changed: comes back when the hub says.',
  'code.4001': 'The login ended. With a token function it is asked once more; else `ended`.',
  'code.4003': 'Not allowed: `ended`, never tried again.',
  'code.4008': 'Too slow for too long: comes back and catches up.',
  'code.4029': 'Too many connections: comes back when the hub says.',

  'streams.words':
    'When two WebSockets in a row reach nobody (four, where one has worked before), every second attempt is a stream of server-sent events over plain HTTP. If that works it is used, with the same events, cursors and gaps; and beside it the client looks from time to time whether a WebSocket gets through, and then moves over without losing anything.',
  'streams.limits':
    'A stream only listens: `command()` is refused, and `at` is the moment of arrival. Other topics, or another `maxRate`, open a new stream that goes on where the old one was; a topic that is new begins with its snapshot. Should something about you yourself be told just while the client moves back to a WebSocket, a `gap` and snapshots follow.',
  'access.words':
    'In a page of the hub the cookie of the login is enough. A program gives a `token` function; `{ accessToken, expiresIn }` instead of a bare token makes the client fetch the next one in time and extend the connection in place. Tokens are never part of an address.',
  'access.origin':
    'A page of another origin must be named in `http.allowed_origins`. If it may not have tokens, its own server fetches a ticket, which works once and for 30 seconds:',

  'error.TypeError': 'Thrown by the constructor: `url` is missing outside a page, or no way to the hub is left.',
  'error.RangeError': 'Thrown by the constructor, and rejects `subscribe`: a `maxRate` is out of bounds.',
  'error.RefusedError':
    'Rejects `subscribe`, `unsubscribe` and `command`. `error.problem` is what the hub said (RFC 9457), or has the title `connection lost` or `no answer in time`. A topic that one may not have is given up.',
  'error.problem': 'The same for what nobody waits for, as an event.',
  'error.gap': 'Events are missing: not an error of yours, but the moment to trust only the snapshots that follow.',
  'error.ended': 'As a state: nothing will come any more. Say so, and offer to log in again.',
};
