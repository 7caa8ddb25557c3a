/**
 * The shapes that the client library takes and gives.
 *
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

export {};
