//! What a client says over a WebSocket, one message after the other, behind the payload that it posted before.

use std::rc::Rc;

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::oneshot;

use super::actor::Engine;
use super::packet::{self, Message, Packet};
use crate::pipe::{Received, ReceivedBinary};

/// What a session does until the next message may come.
type Taking = ResponseActFuture<Engine, ()>;

impl Engine {
    /// Lets whoever sits on top take messages, one after the other, as the client takes the answers: those of one
    /// payload may be many times as long as it is.
    pub(super) fn hand_up(&self, messages: Vec<Message>) -> impl Future<Output = ()> + 'static {
        let (application, outbox) = (Rc::clone(&self.parts.application), self.parts.outbox.clone());
        async move {
            for message in messages {
                outbox.room().await;
                Rc::clone(&application).take(message).await;
            }
        }
    }

    /// What a WebSocket brings waits until the payload has been taken that was posted before it took over.
    fn take_in_turn(&mut self, packet: Packet, ctx: &mut Context<Self>) -> Taking {
        if !self.is_posting || packet == Packet::Pong {
            return self.take(packet, ctx);
        }
        let (taken, is_taken) = oneshot::channel();
        self.when_taken = Some(taken);
        Box::pin(wrap_future::<_, Self>(is_taken).then(|_, engine, ctx| engine.take(packet, ctx)))
    }

    fn take(&mut self, packet: Packet, ctx: &mut Context<Self>) -> Taking {
        match packet {
            Packet::Message(message) => return Box::pin(wrap_future(self.hand_up(vec![message]))),
            Packet::Pong => self.hear(ctx),
            Packet::Close => self.leave(ctx),
        }
        Box::pin(fut::ready(()))
    }
}

impl Handler<Received> for Engine {
    type Result = Taking;

    fn handle(&mut self, Received(text): Received, ctx: &mut Self::Context) -> Self::Result {
        match packet::read(&text) {
            Ok(packet) => self.take_in_turn(packet, ctx),
            Err(error) => {
                self.end(&error.to_string(), ctx);
                Box::pin(fut::ready(()))
            }
        }
    }
}

impl Handler<ReceivedBinary> for Engine {
    type Result = Taking;

    fn handle(&mut self, ReceivedBinary(bytes): ReceivedBinary, ctx: &mut Self::Context) -> Self::Result {
        self.take_in_turn(Packet::Message(Message::Binary(bytes)), ctx)
    }
}
