//! Shows connections that came in elsewhere, as WebSockets do, to the threads that speak MQTT.

use std::rc::Rc;

use actix::prelude::*;

use super::server::Door;
use crate::pipe::Arrival;

/// Gives arrivals to the threads in turn.
#[derive(Default)]
pub struct Usher {
    porters: Vec<Recipient<Arrival>>,
    turn: usize,
}

/// A thread is there and takes arrivals.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Serves(pub Recipient<Arrival>);

impl Actor for Usher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(1024);
    }
}

impl Handler<Serves> for Usher {
    type Result = ();

    fn handle(&mut self, Serves(porter): Serves, _: &mut Self::Context) {
        self.porters.push(porter);
    }
}

impl Handler<Arrival> for Usher {
    type Result = ();

    fn handle(&mut self, arrival: Arrival, _: &mut Self::Context) {
        self.turn = self.turn.wrapping_add(1);
        let Some(porter) = self.porters.get(self.turn % self.porters.len().max(1)) else { return };
        if porter.try_send(arrival).is_err() {
            tracing::debug!("a WebSocket of MQTT found its thread too busy, and was closed");
        }
    }
}

/// Takes arrivals on one thread.
pub struct Porter(pub Rc<Door>);

impl Actor for Porter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(256);
    }
}

impl Handler<Arrival> for Porter {
    type Result = ();

    fn handle(&mut self, Arrival { stream, early, from }: Arrival, _: &mut Self::Context) {
        match stream.moved_here() {
            Ok(stream) => self.0.welcome_socket(stream, &early, from),
            Err(error) => tracing::debug!(%error, "a WebSocket of MQTT could not be moved"),
        }
    }
}
