//! The least that work can cost: a bare program that writes one ready-made frame to each client, and one that only reads
//! what is posted, or commits it as well.

use std::{cell::RefCell, io, net::SocketAddr, path::PathBuf, rc::Rc};

use clap::{Args, ValueEnum};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::spawn_local,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{limits::allow_connections, report::Report};
use crate::{
    cli::CliError,
    pipe::frame::{self, Assembler, Incoming},
};

mod http;
mod log;
mod own;

pub use own::OwnFloor;

const LONGEST_REQUEST: usize = 4096;
const LONGEST_MESSAGE: usize = 1 << 20;

/// A bare server that does the least there can be: what no hub can be below
#[derive(Debug, Clone, Args)]
pub struct FloorArgs {
    /// Of what
    #[arg(long, value_enum, default_value_t = Floor::Fanout)]
    of: Floor,
    /// Where it listens
    #[arg(long)]
    at: SocketAddr,
    /// Where it stores what it is told; without it nothing is stored
    #[arg(long)]
    data: Option<PathBuf>,
    /// How many clients it has room for
    #[arg(long, default_value_t = 10_000)]
    room: u64,
}

/// What a bare server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Floor {
    /// Sends what one client says by its WebSocket to all others, a frame and a write for each
    Fanout,
    /// Parses the readings of requests as the hub does, and stores them if it has a folder for that
    Http,
}

/// All clients; none of them is ever waited for.
type Clients = Rc<RefCell<Vec<Rc<TcpStream>>>>;

/// Serves until it is ended.
///
/// # Errors
/// [`CliError::Io`] when it cannot listen.
pub async fn serve(args: &FloorArgs) -> Result<Report, CliError> {
    allow_connections(args.room)?;
    match args.of {
        Floor::Fanout => fan_out(args).await,
        Floor::Http => http::serve(args.at, args.data.as_deref()).await,
    }
}

async fn fan_out(args: &FloorArgs) -> Result<Report, CliError> {
    let cannot = || CliError::io(format!("cannot listen at `{}`", args.at));
    let listener = TcpListener::bind(args.at).await.map_err(cannot())?;
    let clients = Clients::default();
    loop {
        let (stream, _) = listener.accept().await.map_err(cannot())?;
        let clients = Rc::clone(&clients);
        spawn_local(async move {
            if let Err(error) = attend(stream, &clients).await {
                tracing::debug!(%error, "a client is gone");
            }
        });
    }
}

async fn attend(mut stream: TcpStream, clients: &Clients) -> io::Result<()> {
    stream.set_nodelay(true)?;
    greet(&mut stream).await?;
    let stream = Rc::new(stream);
    clients.borrow_mut().push(Rc::clone(&stream));
    let result = listen(&stream, clients).await;
    clients.borrow_mut().retain(|client| !Rc::ptr_eq(client, &stream));
    result
}

async fn greet(stream: &mut TcpStream) -> io::Result<()> {
    let mut request = [0; LONGEST_REQUEST];
    let mut come = 0;
    while !request[..come].ends_with(b"\r\n\r\n") {
        stream.readable().await?;
        match stream.try_read(&mut request[come..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => come += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&request[..come]).map_err(io::Error::other)?;
    let key = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"));
    let accept = derive_accept_key(key.ok_or(io::ErrorKind::InvalidData)?.value);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await
}

async fn listen(stream: &Rc<TcpStream>, clients: &Clients) -> io::Result<()> {
    let mut assembler = Assembler::new(LONGEST_MESSAGE, false);
    loop {
        stream.readable().await?;
        let mut bytes = [0; 1024];
        let mut message = match stream.try_read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(read) => assembler.feed(&bytes[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        while let Some(incoming) = message.map_err(io::Error::other)? {
            if let Incoming::Text(text) = incoming {
                tell_all(&frame::text(text.as_bytes()), stream, clients);
            }
            message = assembler.next_message();
        }
    }
}

fn tell_all(frame: &[u8], from: &Rc<TcpStream>, clients: &Clients) {
    for client in clients.borrow().iter().filter(|client| !Rc::ptr_eq(client, from)) {
        // Who takes nothing misses it, which the other side counts.
        let _ = client.try_write(frame);
    }
}
