//! The HTTP server: the application for requests, the doors for upgrades, both on every worker thread.

use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, h1};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use futures_util::future::LocalBoxFuture;
use rustls::ServerConfig;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};

use super::application::{Services, application};
use super::door_maker::{DoorMaker, WorkerDoors};
use super::pace::{Accepted, in_turn, paced, tell_pace};
use super::upgrade::upgrade;
use crate::pipe::{Paced, Stream};

/// What a client says that speaks HTTP/2 (RFC 9113, 3.2).
const HTTP_2: &[u8] = b"h2";
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections may wait to be taken.
const BACKLOG: i32 = 4096;
/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How the server runs.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// How many worker threads.
    pub workers: usize,
    /// How many HTTP connections each of them takes at once; upgraded sockets count apart.
    pub max_connections: usize,
    /// How long requests may take to end when the server stops.
    pub grace: Duration,
    /// TLS, if a certificate is configured.
    pub tls: Option<Arc<ServerConfig>>,
}

/// Serves HTTP and sockets on a bound listener; the future ends when the server has stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    options: ServerOptions,
    services: Services,
    doors: DoorMaker,
) -> io::Result<Server> {
    let builder = builder(&options);
    let front = Front {
        address: listener.local_addr()?,
        services,
        doors,
        // Idle connections close as soon as the server stops; otherwise they would hold it up for all of the grace.
        stopping: builder.graceful_shutdown_signal(),
    };
    let builder = match options.tls {
        None => front.listen(builder, listener),
        Some(tls) => front.listen_by_tls(builder, listener, tls),
    };
    Ok(builder?.run())
}

/// What every worker thread makes its services from.
#[derive(Clone)]
struct Front {
    address: SocketAddr,
    services: Services,
    doors: DoorMaker,
    stopping: GracefulShutdownSignal,
}

impl Front {
    fn listen(self, builder: ServerBuilder, listener: TcpListener) -> io::Result<ServerBuilder> {
        let bounds = self.doors.options.bounds;
        builder.listen("http", listener, move || {
            let accept = move |stream: TcpStream| {
                bounds.set(&stream);
                let peer = stream.peer_addr().ok();
                ready(Ok((stream, Protocol::Http1, peer)))
            };
            fn_service(accept).and_then(self.http(false))
        })
    }

    fn listen_by_tls(
        self,
        builder: ServerBuilder,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
    ) -> io::Result<ServerBuilder> {
        let bounds = self.doors.options.bounds;
        let mut tls = ServerConfig::clone(&tls);
        tls.alpn_protocols = vec![HTTP_2.to_vec(), b"http/1.1".to_vec()];
        builder.listen("https", listener, move || {
            let accepted = move |stream: TlsStream<TcpStream>| {
                let (tcp, session) = stream.get_ref();
                bounds.set(tcp);
                let is_http_2 = session.alpn_protocol() == Some(HTTP_2);
                let peer = tcp.peer_addr().ok();
                (stream, if is_http_2 { Protocol::Http2 } else { Protocol::Http1 }, peer)
            };
            let acceptor = Acceptor::new(tls.clone()).map_err(TlsError::into_service_error);
            acceptor.map(accepted).and_then(self.http(true).map_err(TlsError::Service))
        })
    }

    /// Serves accepted connections.
    fn http<T>(
        &self,
        is_secure: bool,
    ) -> impl ServiceFactory<Accepted<T>, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<T>
    where
        T: AsyncRead + AsyncWrite + Unpin + Into<Stream> + 'static,
    {
        let (opened, config) = (WorkerDoors::default(), AppConfig::default());
        let app = application(self.services.clone(), opened.clone());
        let builder = HttpService::build()
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            .local_addr(self.address)
            .on_connect_ext(tell_pace)
            .graceful_shutdown_signal(notified(&self.stopping));
        let builder = if is_secure { builder.secure() } else { builder };
        let http = builder
            .upgrade(door::<Paced<T>>(self.doors.clone(), opened))
            .finish(paced(map_config(app, move |()| config.clone())));
        in_turn(http)
    }
}

fn notified(stopping: &GracefulShutdownSignal) -> impl Fn() -> LocalBoxFuture<'static, ()> + use<> {
    let stopping = stopping.clone();
    move || {
        let stopping = stopping.clone();
        Box::pin(async move { stopping.notified().await })
    }
}

fn builder(options: &ServerOptions) -> ServerBuilder {
    Server::build()
        .workers(options.workers)
        .max_concurrent_connections(options.max_connections)
        .shutdown_timeout(options.grace.as_secs().max(1))
        .disable_signals()
}

/// The service that takes upgrade requests of one worker; making it starts the worker's relay.
fn door<T>(
    maker: DoorMaker,
    opened: WorkerDoors,
) -> impl ServiceFactory<(Request, Framed<T, h1::Codec>), Config = (), Response = (), Error = actix_web::Error, InitError = ()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Stream> + 'static,
{
    fn_factory(move || {
        let (maker, opened) = (maker.clone(), opened.clone());
        async move {
            let doors = maker.make().await.map_err(|error| tracing::error!(%error, "a worker has no doors"))?;
            opened.set(&doors);
            Ok::<_, ()>(fn_service(move |(request, framed)| {
                let taken = upgrade(Rc::clone(&doors), request, framed);
                async move {
                    if let Err(error) = taken.await {
                        tracing::debug!(%error, "a handshake broke off");
                    }
                    Ok::<_, actix_web::Error>(())
                }
            }))
        }
    })
    .into_factory()
}

/// Binds the address; one that a stopped hub has just left can be taken at once.
///
/// # Errors
/// When another program has it, or this machine has no such address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(socket2::Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
