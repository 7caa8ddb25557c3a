//! The sessions of people, by Socket.IO.

use std::any::Any;
use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::http::header::HeaderMap;

use super::super::doors::{Doors, Refused};
use super::{EngineDoor, Host};
use crate::domain::problem::Problem;
use crate::observe::Door;
use crate::pipe::Outbox;
use crate::session::engine::{Application, Caller};
use crate::session::socketio::{Connection, Lobby};

/// Where people come in by Socket.IO, with and without the last slash.
pub const PATHS: [&str; 2] = ["/socket.io/", "/socket.io"];
/// The door of Engine.IO behind which people come in.
#[must_use]
pub fn of_people(doors: &Rc<Doors>) -> EngineDoor {
    EngineDoor {
        host: Rc::new(People(Rc::clone(doors))),
        options: doors.options.engines,
        deflate_from: doors.options.deflate_from,
        body_timeout: doors.options.body_timeout,
        engines: doors.engines.clone(),
        flusher: doors.flusher.clone(),
        outbox: doors.options.outbox,
    }
}

struct People(Rc<Doors>);

impl Host for People {
    fn admit(&self, caller: &Caller) -> Result<Box<dyn Any>, Refused> {
        let Self(doors) = self;
        let place = doors.take_place(Door::SocketIo)?;
        if !doors.lobby.newcomers.has_room(caller.address) {
            let detail = "too many connections have not logged in; come back later";
            return Err(Problem::new("too-many-connections", 503, detail).into());
        }
        doors.begin_person(caller.credential.as_ref().ok(), caller.address)?;
        Ok(Box::new(place))
    }

    fn caller(&self, peer: Option<SocketAddr>, headers: &HeaderMap, query: Option<&str>) -> Caller {
        let Self(doors) = self;
        Caller { credential: doors.credential_of(headers, query), address: doors.address_of(peer, headers) }
    }

    fn seat(&self, outbox: Outbox, caller: Caller) -> Rc<dyn Application> {
        let Self(doors) = self;
        let lobby = Rc::new(Lobby::new(doors.lobby.clone(), caller));
        Rc::new(Connection::new(lobby, outbox, doors.options.engines.max_payload))
    }
}
