// ws: what one client says goes to all others. `node ws.js PORT`
import { WebSocketServer, WebSocket } from 'ws'

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false })

server.on('connection', (client) => {
  client.on('message', (message) => {
    const text = message.toString()
    for (const other of server.clients) {
      if (other !== client && other.readyState === WebSocket.OPEN) other.send(text)
    }
  })
})
