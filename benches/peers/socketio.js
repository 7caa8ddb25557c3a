// Socket.IO: the data of `publish` goes to all others as `rt_bench`. `node socketio.js PORT`
import { Server } from 'socket.io'

const server = new Server({
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
})

server.listen(Number(process.argv[2]))
// As its documentation advises, to keep less of each client.
server.engine.on('connection', (socket) => {
  socket.request = null
})
server.on('connection', (client) => {
  client.on('publish', (data) => client.broadcast.emit('rt_bench', data))
})
