/**
 * Opens a WebSocket; answers it with its listeners set.
 *
 * @param {{url?: string, WebSocket?: typeof WebSocket}} options
 * @param {{open: () => void, message: (text: string) => void, close: (code: number, reason: string, opened: boolean) => void}} tell
 */
export function openSocket({ url = ownAddress(), WebSocket = globalThis.WebSocket }, tell) {
  const socket = new WebSocket(url);
  let opened = false;
  socket.onopen = () => {
    opened = true;
    tell.open();
  };
  socket.onmessage = ({ data }) => tell.message(data);
  socket.onclose = ({ code, reason }) => tell.close(code, reason, opened);
  return socket;
}

/** Closes a WebSocket, and listens to it no longer. */
export function closeSocket(socket) {
  Object.assign(socket, { onopen: null, onmessage: null, onclose: null });
  if (socket.readyState < 2) socket.close(1000);
}

function ownAddress() {
  const address = new URL('/ws', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  return address.href;
}
