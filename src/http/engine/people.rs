//! The sessions of people, by Socket.IO.

use std::net::SocketAddr;
use std::rc::Rc;

use actix_web::http::header::HeaderMap;

use super::super::doors::{Doors, Refused};
use super::{EngineDoor, Entrance, Host};
use crate::domain::problem::Problem;
use crate::observe::Door;
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
        partings: doors.partings.clone(),
        metrics: doors.metrics.clone(),
    }
}

struct People(Rc<Doors>);

impl Host for People {
    fn admit(&self, caller: &Caller) -> Result<Entrance, Refused> {
        let Self(doors) = self;
        let place = doors.take_place(Door::SocketIo)?;
        // Counted before anything is awaited, so that those who come at once are not more than may be.
        let Some(newcomer) = doors.lobby.newcomers.try_enter(caller.address) else {
            let detail = "too many connections have not logged in; come back later";
            return Err(Problem::new("too-many-connections", 503, detail).into());
        };
        doors.begin_person(caller.credential.as_ref().ok(), caller.address)?;
        let (house, max_payload) = (doors.lobby.clone(), doors.options.engines.max_payload);
        let seat = move |outbox, caller| -> Rc<dyn Application> {
            Rc::new(Connection::new(Rc::new(Lobby::new(house, caller, newcomer)), outbox, max_payload))
        };
        Ok(Entrance { guard: Box::new(place), seat: Box::new(seat) })
    }

    fn caller(&self, peer: Option<SocketAddr>, headers: &HeaderMap, query: Option<&str>) -> Caller {
        let Self(doors) = self;
        Caller { credential: doors.credential_of(headers, query), address: doors.address_of(peer, headers) }
    }
}
