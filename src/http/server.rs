//! The HTTP server: the application for requests, the doors for upgrades, both on every worker thread.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::{HttpService, Request, h1};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{IntoServiceFactory, ServiceFactory, fn_factory, fn_service, map_config};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use futures_util::future::LocalBoxFuture;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};

use super::application::{Services, application};
use super::door_maker::{DoorMaker, WorkerDoors};
use super::upgrade::upgrade;
use crate::pipe::Stream;

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
struct Front {
    address: SocketAddr,
    services: Services,
    doors: DoorMaker,
    stopping: GracefulShutdownSignal,
}

impl Front {
    fn listen(self, builder: ServerBuilder, listener: TcpListener) -> io::Result<ServerBuilder> {
        let Self { address, services, doors, stopping } = self;
        let bounds = doors.options.bounds;
        builder.listen("http", listener, move || {
            let (opened, config) = (WorkerDoors::default(), AppConfig::default());
            let app = application(services.clone(), opened.clone());
            HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEAD_TIMEOUT)
                .local_addr(address)
                .graceful_shutdown_signal(notified(&stopping))
                .on_connect_ext(move |stream: &TcpStream, _| bounds.set(stream))
                .upgrade(door::<TcpStream>(doors.clone(), opened))
                .finish(map_config(app, move |()| config.clone()))
                .tcp()
        })
    }

    fn listen_by_tls(
        self,
        builder: ServerBuilder,
        listener: TcpListener,
        tls: Arc<ServerConfig>,
    ) -> io::Result<ServerBuilder> {
        let Self { address, services, doors, stopping } = self;
        let bounds = doors.options.bounds;
        builder.listen("https", listener, move || {
            let (opened, config) = (WorkerDoors::default(), AppConfig::default());
            let app = application(services.clone(), opened.clone());
            HttpService::build()
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEAD_TIMEOUT)
                .local_addr(address)
                .graceful_shutdown_signal(notified(&stopping))
                .secure()
                .on_connect_ext(move |stream: &TlsStream<TcpStream>, _| bounds.set(stream.get_ref().0))
                .upgrade(door::<TlsStream<TcpStream>>(doors.clone(), opened))
                .finish(map_config(app, move |()| config.clone()))
                .rustls_0_23(ServerConfig::clone(&tls))
        })
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
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
