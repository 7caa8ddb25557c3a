//! The WebSocket that takes over a session of polls.

use std::time::{Duration, Instant};

use actix::prelude::*;

use super::actor::{Engine, Transport};
use super::error::EngineError;
use super::messages::{Probe, ProbeEnded, Upgraded};
use super::packet;

/// How long a poll may wait while a WebSocket tries to take over; the client stops polling as soon as one is answered.
const RELEASE: Duration = Duration::from_millis(100);
/// How long a WebSocket may try, longer than its door lets it: for one whose end nobody tells of.
const PROBING_MOST: Duration = Duration::from_secs(30);

impl Engine {
    fn stop_probing(&mut self, ctx: &mut Context<Self>) {
        if let Some(handle) = self.probing.take() {
            ctx.cancel_future(handle);
        }
    }

    fn give_up_probing(&mut self, ctx: &mut Context<Self>) {
        if self.transport == Transport::Probing {
            self.transport = Transport::Polling;
            self.stop_probing(ctx);
        }
    }
}

impl Handler<Probe> for Engine {
    type Result = Result<(), EngineError>;

    fn handle(&mut self, _: Probe, ctx: &mut Self::Context) -> Self::Result {
        if self.transport != Transport::Polling {
            return Err(EngineError::Request);
        }
        self.transport = Transport::Probing;
        self.answer(packet::NOOP, ctx);
        let began = Instant::now();
        self.probing = Some(ctx.run_interval(RELEASE, move |engine, ctx| {
            engine.answer(packet::NOOP, ctx);
            if began.elapsed() > PROBING_MOST {
                engine.give_up_probing(ctx);
            }
        }));
        Ok(())
    }
}

impl Handler<ProbeEnded> for Engine {
    type Result = ();

    fn handle(&mut self, _: ProbeEnded, ctx: &mut Self::Context) {
        self.give_up_probing(ctx);
    }
}

impl Handler<Upgraded> for Engine {
    type Result = ();

    fn handle(&mut self, Upgraded { stream, deflation, assembler, caller }: Upgraded, ctx: &mut Self::Context) {
        if self.transport != Transport::Probing {
            return;
        }
        self.stop_probing(ctx);
        self.transport = Transport::WebSocket;
        if let Some(pending) = self.pending.take() {
            // A client stops polling before it goes over.
            let _ = pending.answer.send(Err(EngineError::Request));
        }
        match stream.moved_here() {
            Ok(stream) => {
                self.parts.application.called_by(caller);
                self.parts.outbox.mark_heard();
                self.parts.outbox.agree_on(deflation);
                self.parts.outbox.attach(stream);
                self.read_on(assembler, ctx);
            }
            Err(error) => {
                tracing::debug!(%error, "the stream of an upgrade cannot be moved");
                ctx.stop();
            }
        }
    }
}
