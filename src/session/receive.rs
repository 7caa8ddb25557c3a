//! What a session does with the frames of its client, one after the other.

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::prelude::*;
use tokio::sync::oneshot;

use super::actor::Session;
use super::flow::Flow;
use super::messages::Begin;
use super::speech::{Hello, Wish, Word};
use crate::auth::{Credential, Principal};
use crate::broker::Seat;
use crate::domain::problem::Problem;
use crate::pipe::Received;

impl Handler<Received> for Session {
    type Result = Flow;

    fn handle(&mut self, Received(text): Received, _: &mut Self::Context) -> Self::Result {
        self.take_when_idle(text)
    }
}

impl Handler<Begin> for Session {
    type Result = Flow;

    fn handle(&mut self, Begin(hello): Begin, _: &mut Self::Context) -> Self::Result {
        self.begin_when_idle(hello)
    }
}

impl Session {
    fn begin_when_idle(&mut self, hello: Hello) -> Flow {
        if !self.is_busy {
            return self.hello(hello);
        }
        Box::pin(wrap_future(self.idle()).then(|_, session: &mut Self, _| session.begin_when_idle(hello)))
    }

    /// Ends when no flow holds the seat, for a moment.
    fn idle(&mut self) -> oneshot::Receiver<()> {
        let (idle, is_idle) = oneshot::channel();
        self.when_idle.push(idle);
        is_idle
    }

    /// A frame waits while a gap is mended: two flows would each let go of the seat that the other holds.
    fn take_when_idle(&mut self, text: String) -> Flow {
        if !self.is_busy {
            return self.take(&text);
        }
        // Asks again: the next gap may have come first.
        Box::pin(wrap_future(self.idle()).then(|_, session: &mut Self, _| session.take_when_idle(text)))
    }

    fn take(&mut self, text: &str) -> Flow {
        let request = match self.read_request(text) {
            Ok(request) => request,
            Err((id, problem)) => {
                self.greet_if_new();
                self.refuse(id, &problem);
                return done();
            }
        };
        if !matches!(request.wish, Wish::Hello(_)) {
            self.greet_if_new();
        }
        match request.wish {
            Wish::Hello(hello) => return self.hello(hello),
            Wish::Subscribe { topics, pace } => return self.subscribe(request.id, &topics, pace),
            Wish::Token(token) => return self.extend(request.id, token),
            Wish::Unsubscribe(topics) => self.unsubscribe(request.id, &topics),
            Wish::Ping => return self.pong(),
            Wish::Command { module, wish } => return self.command(request.id, &module, wish),
        }
        done()
    }

    /// Answers a ping behind everything that was published before it. What this thread has not heard of yet holds up the
    /// client's other frames: that is a moment, and a second at most, after which the pong goes out without it.
    fn pong(&mut self) -> Flow {
        match self.house.relay.reach_head() {
            Some(known) => Box::pin(wrap_future(known).then(|(), session: &mut Self, _| session.pong_behind_missed())),
            None => self.pong_behind_missed(),
        }
    }

    /// Answers a ping behind everything that the client missed before it, without holding up its other frames; one of
    /// many pings holds them up, so that a bounded number of them waits.
    fn pong_behind_missed(&mut self) -> Flow {
        let is_crowded = self.seat.as_ref().is_some_and(Seat::is_crowded);
        let Some(caught_up) = self.seat.as_ref().and_then(Seat::caught_up) else {
            return self.pong_behind_gap();
        };
        let answer = wrap_future::<_, Self>(caught_up).then(|_, session, _| session.pong_behind_gap());
        if is_crowded {
            return Box::pin(answer);
        }
        Box::pin(done().map(|(), _, ctx: &mut Context<Self>| {
            ctx.spawn(answer);
        }))
    }

    /// What was lost meanwhile is told first.
    fn pong_behind_gap(&mut self) -> Flow {
        if !self.is_busy && !self.is_lost() {
            self.say(&Word::Pong);
            return done();
        }
        Box::pin(wrap_future(self.idle()).then(|_, session: &mut Self, _| session.pong_behind_gap()))
    }

    /// Listens to topics no more; topics that it did not have change nothing.
    fn unsubscribe(&mut self, id: Option<u64>, texts: &[String]) {
        let topics = match self.read(texts) {
            Ok(topics) => topics,
            Err(problem) => return self.refuse(id, &problem),
        };
        for topic in &topics {
            self.leave(topic);
        }
        let names: Vec<_> = topics.iter().map(ToString::to_string).collect();
        self.say(&Word::Reply { id, topics: &names });
    }

    /// Extends the login that opened the socket; the token of another one would outlive its end.
    fn extend(&mut self, id: Option<u64>, token: String) -> Flow {
        let authenticator = self.house.authenticator.clone();
        let asked = async move { authenticator.authenticate(Credential::Bearer(token)).await }.into_actor(self);
        Box::pin(asked.map(move |answer, session, ctx| match answer {
            Ok(principal) if principal.login_id == session.principal.login_id => {
                let Principal { roles, address, .. } = Principal::clone(&session.principal);
                session.principal = Arc::new(Principal { roles, address, ..principal });
                session.watch_expiry(ctx);
                session.say(&Word::Reply { id, topics: &[] });
            }
            _ => {
                let problem = Problem::new("invalid-token", 401, "the access token does not extend this login");
                session.refuse(id, &problem);
            }
        }))
    }
}

fn done() -> Flow {
    Box::pin(fut::ready(()))
}
