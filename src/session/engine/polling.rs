//! A session by HTTP requests: polls that wait, and payloads that come.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll as TaskPoll, ready};

use actix::fut::wrap_future;
use actix::prelude::*;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::actor::{Engine, Transport};
use super::error::EngineError;
use super::messages::{Poll, Post};
use super::packet::{self, Packet};

/// A poll that waits.
pub(super) struct Pending {
    pub(super) answer: oneshot::Sender<Result<String, EngineError>>,
    waiting: SpawnHandle,
}

/// Waits until something can be taken for the pending poll.
struct Take;

impl ActorFuture<Engine> for Take {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        engine: &mut Engine,
        ctx: &mut Context<Engine>,
        task: &mut TaskContext<'_>,
    ) -> TaskPoll<()> {
        engine.poll_take(ctx, task)
    }
}

impl Engine {
    fn poll_take(&mut self, ctx: &mut Context<Self>, task: &mut TaskContext<'_>) -> TaskPoll<()> {
        let Some(pending) = &mut self.pending else { return TaskPoll::Ready(()) };
        if pending.answer.poll_closed(task).is_ready() {
            // Its client has gone away in the middle of a poll, and does not come back to this session.
            self.pending = None;
            ctx.stop();
            return TaskPoll::Ready(());
        }
        match ready!(self.parts.outbox.poll_take(task, self.parts.options.max_payload)) {
            Some(frames) => self.answer_with(&frames, ctx),
            // The goodbye went out with an earlier poll: a client that reads both at once forgets what it says.
            None => {
                self.answer(packet::CLOSE, ctx);
                ctx.stop();
            }
        }
        TaskPoll::Ready(())
    }

    fn answer_with(&mut self, frames: &[Bytes], ctx: &mut Context<Self>) {
        let Some(pending) = self.pending.take() else { return };
        if pending.answer.send(Ok(packet::write_payload(frames))).is_err() {
            ctx.stop();
        }
    }

    /// Answers the waiting poll with a packet; answers whether there was one.
    pub(super) fn answer(&mut self, packet: &str, ctx: &mut Context<Self>) -> bool {
        let Some(pending) = self.pending.take() else { return false };
        ctx.cancel_future(pending.waiting);
        // A client that is gone needs no answer.
        let _ = pending.answer.send(Ok(packet.to_owned()));
        true
    }

    fn takes_posts(&self) -> bool {
        self.transport != Transport::WebSocket
    }
}

impl Handler<Poll> for Engine {
    type Result = ();

    fn handle(&mut self, Poll { answer }: Poll, ctx: &mut Self::Context) {
        // A client that is gone needs no answer, here and below.
        if !self.takes_posts() {
            let _ = answer.send(Err(EngineError::Request));
            return;
        }
        if self.is_overdue() && !self.parts.outbox.is_ending() {
            let _ = answer.send(Err(EngineError::Sid));
            return self.end_silent(ctx);
        }
        if self.has_left {
            let _ = answer.send(Ok(packet::NOOP.to_owned()));
            return ctx.stop();
        }
        if self.pending.is_some() {
            let _ = answer.send(Err(EngineError::Request));
            return self.end("a poll came while another waits", ctx);
        }
        self.parts.outbox.mark_heard();
        let waiting = ctx.spawn(Take);
        self.pending = Some(Pending { answer, waiting });
    }
}

impl Handler<Post> for Engine {
    type Result = ResponseActFuture<Self, Result<(), EngineError>>;

    fn handle(&mut self, Post { body, caller }: Post, ctx: &mut Self::Context) -> Self::Result {
        let refused = || Box::pin(fut::ready(Err(EngineError::Request)));
        if !self.takes_posts() || self.has_left {
            return refused();
        }
        let packets = match packet::read_payload(&body) {
            Ok(packets) if !self.is_posting => packets,
            Ok(_) => {
                self.end("a payload came before the last one was taken", ctx);
                return refused();
            }
            Err(error) => {
                self.end(&error.to_string(), ctx);
                return refused();
            }
        };
        self.parts.outbox.mark_heard();
        self.parts.application.called_by(caller);
        let leaves = packets.contains(&Packet::Close);
        if packets.contains(&Packet::Pong) {
            self.hear(ctx);
        }
        let messages = packets.into_iter().take_while(|packet| *packet != Packet::Close);
        let messages = messages.filter_map(|packet| match packet {
            Packet::Message(message) => Some(message),
            Packet::Pong | Packet::Close => None,
        });
        self.is_posting = true;
        let taken = wrap_future::<_, Self>(self.hand_up(messages.collect()));
        Box::pin(taken.map(move |(), engine, ctx| {
            engine.is_posting = false;
            if let Some(waiting) = engine.when_taken.take() {
                // A message whose socket is gone waits no more.
                let _ = waiting.send(());
            }
            if leaves {
                engine.leave(ctx);
            }
            Ok(())
        }))
    }
}
