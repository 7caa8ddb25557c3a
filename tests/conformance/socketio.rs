//! Namespaces of Socket.IO that say who joined, and give events back.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::http::header::HeaderMap;
use carillon::http::engine::{Entrance, Host, Refused};
use carillon::session::engine::{Caller, Engines};
use carillon::session::socketio::attachments::Parcel;
use carillon::session::socketio::packet::Kind;
use carillon::session::socketio::{Connection, Guest, Line, Namespaces};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

use super::engineio::{nobody, serve_host};

const MAX: usize = 1_000_000;

/// Serves until the process is told to end.
pub async fn serve(listen: SocketAddr) -> io::Result<()> {
    serve_host(listen, "/socket.io/", || Rc::new(RoomsHost)).await
}

struct RoomsHost;

impl Host for RoomsHost {
    fn admit(&self, _: &Caller) -> Result<Entrance, Refused> {
        Ok(Entrance {
            guard: Box::new(()),
            seat: Box::new(|outbox, _| Rc::new(Connection::new(Rc::new(Rooms), outbox, MAX))),
        })
    }

    fn caller(&self, _: Option<SocketAddr>, _: &HeaderMap, _: Option<&str>) -> Caller {
        nobody()
    }
}

/// `/` and `/custom`.
struct Rooms;

impl Namespaces for Rooms {
    fn join(
        self: Rc<Self>,
        auth: Option<String>,
        line: Line,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Guest>, String>> {
        if !["/", "/custom"].contains(&line.namespace.as_str()) {
            return ready(Err(r#"{"message":"Invalid namespace"}"#.to_owned())).boxed_local();
        }
        line.send(Kind::Connect, None, &format!(r#"{{"sid":"{}"}}"#, Engines::new_sid()), &[]);
        line.send(Kind::Event, None, &format!(r#"["auth",{}]"#, auth.as_deref().unwrap_or("{}")), &[]);
        let guest: Rc<dyn Guest> = Rc::new(Echo(line));
        ready(Ok(guest)).boxed_local()
    }
}

struct Echo(Line);

impl Guest for Echo {
    fn take(self: Rc<Self>, parcel: Parcel) -> LocalBoxFuture<'static, ()> {
        let (json, attachments) = (&parcel.json, &parcel.attachments);
        if let Some(rest) = json.strip_prefix(r#"["message","#) {
            self.0.send(Kind::Event, None, &format!(r#"["message-back",{rest}"#), attachments);
        } else if let Some(rest) = json.strip_prefix(r#"["message-with-ack","#) {
            self.0.send(Kind::Ack, parcel.id, &format!("[{rest}"), attachments);
        }
        ready(()).boxed_local()
    }

    fn left(&self) {}
}
