//! An echo over Engine.IO, and the server that all suites of Engine.IO share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::{HttpService, Request, h1};
use actix_server::Server;
use actix_service::{IntoServiceFactory, fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use carillon::domain::problem::Problem;
use carillon::http::bind;
use carillon::http::engine::{EngineDoor, EngineSource, Entrance, Host, Partings, Refused, routes, upgrade};
use carillon::observe::Metrics;
use carillon::pipe::frame;
use carillon::pipe::{Flusher, Outbox, OutboxOptions};
use carillon::session::engine::{Application, Caller, EngineOptions, Engines, Message};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use tokio::net::TcpStream;

const OPTIONS: EngineOptions = EngineOptions {
    ping_interval: Duration::from_millis(300),
    ping_timeout: Duration::from_millis(200),
    slow_timeout: Duration::from_secs(5),
    max_payload: 1_000_000,
    join_timeout: Duration::from_secs(1),
};
const OUTBOX: OutboxOptions = OutboxOptions { high_water: 1 << 20, low_water: 1 << 16 };
/// The suites address one server; several threads show that none of them matters.
const WORKERS: usize = 2;

/// Serves until the process is told to end.
pub async fn serve(listen: SocketAddr) -> io::Result<()> {
    serve_host(listen, "/engine.io/", || Rc::new(EchoHost)).await
}

/// Serves the sessions of a host at a path.
#[expect(clippy::print_stdout, reason = "who started this waits for the line")]
pub async fn serve_host(listen: SocketAddr, path: &'static str, host: fn() -> Rc<dyn Host>) -> io::Result<()> {
    let engines = Engines::default();
    let server = Server::build().workers(WORKERS).shutdown_timeout(1).listen("engine", bind(listen)?, move || {
        let door = door(engines.clone(), host());
        let for_upgrades = door.clone();
        let upgrades = fn_factory(move || {
            let door = for_upgrades.clone();
            async move {
                Ok::<_, ()>(fn_service(move |(request, framed): (Request, Framed<TcpStream, h1::Codec>)| {
                    let (door, parts) = (door.clone(), framed.into_parts());
                    async move {
                        let done = upgrade(&door, &request, parts.io, &parts.read_buf).await;
                        done.map_err(actix_web::Error::from)
                    }
                }))
            }
        });
        let app = App::new().app_data(Data::new(EngineSource::new(move || Ok(door.clone())))).configure(routes(path));
        HttpService::build().upgrade(upgrades.into_factory()).finish(map_config(app, |()| AppConfig::default())).tcp()
    })?;
    println!("listening on {listen}");
    server.run().await
}

fn door(engines: Engines, host: Rc<dyn Host>) -> EngineDoor {
    EngineDoor {
        host,
        options: OPTIONS,
        deflate_from: None,
        body_timeout: Duration::from_secs(5),
        engines,
        flusher: Flusher::start(Duration::ZERO, |_| {}),
        outbox: OUTBOX,
        partings: Partings::default(),
        metrics: Metrics::default(),
    }
}

/// Nobody logs in here.
pub fn nobody() -> Caller {
    let credential = Err(Problem::new("not-authenticated", 401, "nobody logs in here"));
    Caller { credential, address: Ipv4Addr::LOCALHOST.into() }
}

struct EchoHost;

impl Host for EchoHost {
    fn admit(&self, _: &Caller) -> Result<Entrance, Refused> {
        Ok(Entrance { guard: Box::new(()), seat: Box::new(|outbox, _| Rc::new(Echo(outbox))) })
    }

    fn caller(&self, _: Option<SocketAddr>, _: &HeaderMap, _: Option<&str>) -> Caller {
        nobody()
    }
}

struct Echo(Outbox);

impl Application for Echo {
    fn take(self: Rc<Self>, message: Message) -> LocalBoxFuture<'static, ()> {
        match message {
            Message::Text(text) => self.0.send_text(&format!("4{text}")),
            Message::Binary(bytes) => self.0.send(frame::binary(&bytes)),
        }
        ready(()).boxed_local()
    }

    fn called_by(&self, _: Caller) {}

    fn is_idle(&self) -> bool {
        false
    }

    fn closed(&self) {}
}
