//! Gives every message back, text as text and binary as binary.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix::prelude::*;
use actix_codec::Framed;
use actix_http::body::BoxBody;
use actix_http::{HttpService, Request, Response, h1};
use actix_server::Server;
use actix_service::{IntoServiceFactory, fn_factory, fn_service};
use carillon::http::bind;
use carillon::http::handshake::Handshake;
use carillon::http::socket::{Peer, Socket, Texts};
use carillon::pipe::{Closed, Flusher, Outbox, OutboxOptions, Received, ReceivedBinary};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The suite's largest messages have 16 MiB.
const MAX_MESSAGE: usize = 64 << 20;
/// Everything is compressed that may be.
const DEFLATE_FROM: usize = 1;
const OPTIONS: OutboxOptions = OutboxOptions { high_water: 1 << 20, low_water: 1 << 16 };

/// Serves until the process is told to end.
#[expect(clippy::print_stdout, reason = "who started this waits for the line")]
pub async fn serve(listen: SocketAddr) -> io::Result<()> {
    let server = Server::build().workers(1).shutdown_timeout(1).listen("echo", bind(listen)?, || {
        let echo = fn_factory(|| async {
            let flusher = Flusher::start(Duration::ZERO, |_| {});
            Ok::<_, ()>(fn_service(move |(request, framed)| {
                let flusher = flusher.clone();
                async move { upgrade(request, framed, flusher).await.map_err(actix_web::Error::from) }
            }))
        });
        HttpService::build()
            .upgrade(echo.into_factory())
            .finish(fn_service(|_: Request| async { Ok::<_, actix_http::Error>(Response::<BoxBody>::not_found()) }))
            .tcp()
    })?;
    println!("listening on {listen}");
    server.run().await
}

async fn upgrade(request: Request, framed: Framed<TcpStream, h1::Codec>, flusher: Flusher) -> io::Result<()> {
    let parts = framed.into_parts();
    let (mut stream, early) = (parts.io, parts.read_buf);
    let handshake = Handshake::read(&request, true).map_err(|problem| io::Error::other(problem.detail))?;
    stream.write_all(handshake.answer().as_bytes()).await?;
    let outbox = Outbox::new(stream.into(), flusher, OPTIONS);
    outbox.agree_on(handshake.deflation(DEFLATE_FROM));
    let echo = Echo(outbox.clone()).start();
    let peer = Peer {
        texts: Texts::OneByOne(echo.clone().recipient()),
        binary: Some(echo.clone().recipient()),
        closed: echo.downgrade().recipient(),
    };
    actix_rt::spawn(Socket::new(outbox, peer, MAX_MESSAGE, &early));
    Ok(())
}

struct Echo(Outbox);

impl Actor for Echo {
    type Context = Context<Self>;
}

impl Handler<Received> for Echo {
    type Result = ();

    fn handle(&mut self, Received(text): Received, _: &mut Self::Context) {
        self.0.send_text(&text);
    }
}

impl Handler<ReceivedBinary> for Echo {
    type Result = ();

    fn handle(&mut self, ReceivedBinary(bytes): ReceivedBinary, _: &mut Self::Context) {
        self.0.send_binary(&bytes);
    }
}

impl Handler<Closed> for Echo {
    type Result = ();

    fn handle(&mut self, _: Closed, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
