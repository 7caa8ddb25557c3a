//! The listeners, plain and under TLS, on worker threads of their own: a flood of devices does not hold up HTTP.

use std::any::Any;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use actix_server::{Server, ServerBuilder};
use actix_service::{Service, ServiceFactory, fn_factory, fn_service};
use actix_tls::accept::rustls_0_23::Acceptor;
use rustls::ServerConfig;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

use super::connection::serve as serve_connection;
use super::entrance::{Entrance, NoPlace, Seat, Stranger};
use super::house::{House, Parts};
use super::line::Line;
use super::usher::{Porter, Serves, Usher};
use crate::pipe::{Bounds, Flusher, Noted, Outbox, OutboxOptions, Stream};

/// When the system begins to ask a silent peer's machine whether it is there; for clients without a keep-alive.
const PROBE_AFTER: Duration = Duration::from_secs(60);
/// How often it asks then.
const PROBE_EVERY: Duration = Duration::from_secs(20);

/// Where devices come in.
#[derive(Debug)]
pub struct Listeners {
    /// As they are.
    pub plain: TcpListener,
    /// Under TLS, if that is configured.
    pub tls: Option<(TcpListener, Arc<ServerConfig>)>,
}

/// What counts an open connection until it is dropped.
pub type CountIn = Arc<dyn Fn() -> Box<dyn Any> + Send + Sync>;

/// How the server runs.
#[derive(Clone)]
pub struct MqttOptions {
    /// How many worker threads.
    pub workers: usize,
    /// How many connections there may be.
    pub max_connections: usize,
    /// The marks of every outbox.
    pub outbox: OutboxOptions,
    /// How long written packets wait for company.
    pub flush_interval: Duration,
    /// What the system keeps to for each connection.
    pub bounds: Bounds,
    /// Counts connections in.
    pub count_in: CountIn,
}

/// Serves MQTT on bound listeners; the future ends when the server has stopped.
///
/// # Errors
/// When a listener cannot be used.
pub fn serve(listeners: Listeners, options: MqttOptions, parts: Parts, usher: Addr<Usher>) -> io::Result<Server> {
    let entrance = Entrance::new(options.max_connections);
    let hall = Hall { usher, options, parts, entrance };
    let builder = Server::build().workers(hall.options.workers).shutdown_timeout(1).disable_signals();
    let builder = listen(builder, listeners.plain, hall.clone())?;
    match listeners.tls {
        None => Ok(builder.run()),
        Some((listener, tls)) => Ok(listen_tls(builder, listener, tls, hall)?.run()),
    }
}

fn listen(builder: ServerBuilder, listener: TcpListener, hall: Hall) -> io::Result<ServerBuilder> {
    builder.listen("mqtt", listener, move || {
        let hall = hall.clone();
        fn_factory(move || {
            let door = Rc::new(Door::open(hall.clone()));
            // One for each thread; if it comes too late, others take WebSockets.
            door.hall.usher.do_send(Serves(Porter(Rc::clone(&door)).start().recipient()));
            async move {
                Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let door = Rc::clone(&door);
                    async move {
                        let from = door.prepare(&stream);
                        if let Some(place) = door.take_place(from) {
                            door.welcome(stream.into(), from, place);
                        }
                        Ok::<_, ()>(())
                    }
                }))
            }
        })
    })
}

fn listen_tls(
    builder: ServerBuilder,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    hall: Hall,
) -> io::Result<ServerBuilder> {
    builder.listen("mqtts", listener, move || {
        let (hall, tls) = (hall.clone(), Arc::clone(&tls));
        fn_factory(move || {
            let door = Rc::new(Door::open(hall.clone()));
            let mut acceptor = Acceptor::new(ServerConfig::clone(&tls));
            acceptor.set_handshake_timeout(hall.parts.terms.connect_timeout);
            async move {
                let acceptor = Rc::new(ServiceFactory::<TcpStream>::new_service(&acceptor, ()).await?);
                Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                    let (door, acceptor) = (Rc::clone(&door), Rc::clone(&acceptor));
                    async move {
                        let from = door.prepare(&stream);
                        // Before the handshake: whoever does not end it is a stranger too.
                        let Some(place) = door.take_place(from) else { return Ok(()) };
                        if let Ok(stream) = acceptor.call(stream).await {
                            door.welcome(stream.into(), from, place);
                        }
                        Ok::<_, ()>(())
                    }
                }))
            }
        })
    })
}

/// What the doors of all threads share.
#[derive(Clone)]
struct Hall {
    usher: Addr<Usher>,
    options: MqttOptions,
    parts: Parts,
    entrance: Entrance,
}

/// The door of one thread.
pub struct Door {
    house: Rc<House>,
    flusher: Flusher,
    hall: Hall,
}

impl Door {
    fn open(hall: Hall) -> Self {
        let metrics = hall.parts.metrics.clone();
        let flusher = Flusher::start(hall.options.flush_interval, move |noted| match noted {
            Noted::Waiting(change) => metrics.outbox_bytes(change),
            Noted::Ended(code) => metrics.connection_ended(code),
        });
        Self { house: Rc::new(House::new(hall.parts.clone())), flusher, hall }
    }

    /// Sets what the system watches over; answers where the peer is.
    fn prepare(&self, stream: &TcpStream) -> IpAddr {
        self.hall.options.bounds.set(stream);
        let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY);
        let set = SockRef::from(stream).set_tcp_keepalive(&probes);
        if let Err(error) = set {
            tracing::debug!(%error, "a socket takes no options");
        }
        stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
    }

    /// Takes a place for a connection, if there is one, which is counted.
    fn take_place(&self, from: IpAddr) -> Option<Place> {
        match self.hall.entrance.enter(from) {
            Ok((seat, stranger)) => Some(Place { stranger, held: (seat, (self.hall.options.count_in)()) }),
            Err(no_place) => {
                self.hall.parts.metrics.refused(match no_place {
                    NoPlace::Full => "mqtt-full",
                    NoPlace::Crowded => "mqtt-strangers",
                });
                None
            }
        }
    }

    /// Serves a connection in a task of its own.
    fn welcome(&self, stream: Stream, from: IpAddr, place: Place) {
        let outbox = Outbox::of_mqtt(stream, false, self.flusher.clone(), self.hall.options.outbox);
        self.serve(Line::new(outbox), from, place);
    }

    /// The same for a WebSocket whose handshake is done, if there is a place.
    pub fn welcome_socket(&self, stream: Stream, early: &[u8], from: IpAddr) {
        let Some(place) = self.take_place(from) else { return };
        let outbox = Outbox::of_mqtt(stream, true, self.flusher.clone(), self.hall.options.outbox);
        let max_message = usize::try_from(self.hall.parts.terms.max_packet).unwrap_or(usize::MAX).saturating_add(5);
        self.serve(Line::of_socket(outbox, max_message, early), from, place);
    }

    fn serve(&self, line: Line, from: IpAddr, Place { stranger, held }: Place) {
        let served = serve_connection(Rc::clone(&self.house), line, from, stranger);
        actix_rt::spawn(async move {
            served.await;
            drop(held);
        });
    }
}

/// The place of a connection.
struct Place {
    stranger: Stranger,
    /// To be dropped at its end.
    held: (Seat, Box<dyn Any>),
}
