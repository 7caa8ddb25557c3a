//! How a session listens: to more topics, or again after a gap.

use actix::prelude::*;

use super::actor::Session;
use super::listening::{Answers, has_failed};
use super::messages::End;
use super::speech::{Welcome, Word};
use super::topics::Listened;
use crate::broker::Seat;
use crate::domain::cursor::Cursor;
use crate::domain::pace::Pace;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;

/// What a session does until it has answered.
pub(super) type Flow = ResponseActFuture<Session, ()>;

impl Session {
    /// Sends the welcome, with what the client is told of the order.
    pub(super) fn greet(&mut self, recovered: bool, cursor: Cursor) {
        self.is_greeted = true;
        let (session, principal, options) = (&self.id, &*self.principal, &self.house.options);
        self.say(&Word::Welcome(Welcome { session, principal, recovered, cursor, options }));
    }

    /// A client that says something else first begins without a cursor.
    pub(super) fn greet_if_new(&mut self) {
        if self.is_greeted {
            return;
        }
        let Some(held) = self.seat.as_ref().map(Seat::hold) else { return };
        self.greet(false, held);
        self.with_seat(|seat| seat.release(&[self.own()]));
    }

    /// Listens to more topics, all or none.
    pub(super) fn subscribe(&mut self, id: Option<u64>, texts: &[String], pace: Option<Pace>) -> Flow {
        let wanted = self.read(texts).and_then(|topics| self.with_channels(topics, pace)).and_then(|wanted| {
            let fresh = wanted.iter().filter(|listened| !self.listens_to(&listened.topic)).count();
            self.check_room(fresh).map(|()| wanted)
        });
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err(problem) => {
                self.refuse(id, &problem);
                return Box::pin(fut::ready(()));
            }
        };
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::hold);
        let topics = wanted.iter().map(|listened| listened.topic.clone()).collect();
        let flow = self.ask(topics).map(move |answers, session: &mut Self, ctx| {
            session.go_on(id, held, wanted, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    fn go_on(&mut self, id: Option<u64>, held: Option<Cursor>, wanted: Vec<Listened>, answers: Answers) {
        let (Some(seat), Some(held)) = (&self.seat, held) else { return };
        let seat_is_lost = seat.is_lost();
        let answers: Result<Vec<_>, Problem> = answers.into_iter().collect();
        let snapshots = match answers {
            Ok(snapshots) => snapshots,
            Err(problem) => {
                self.refuse(id, &problem);
                seat.release(&[]);
                return;
            }
        };
        let names: Vec<_> = wanted.iter().map(|listened| listened.topic.to_string()).collect();
        self.say(&Word::Reply { id, topics: &names });
        if seat_is_lost {
            // A state would have its cursor go past what is lost; all are told behind the gap, at the end of this flow.
            return self.listen(wanted);
        }
        let topics = wanted.iter().map(|listened| listened.topic.clone());
        self.tell(&topics.zip(snapshots).collect::<Vec<_>>(), held);
        self.listen(wanted.clone());
        let channels = self.channels_of(&wanted);
        self.with_seat(|seat| seat.release(&channels));
    }

    /// Tells the client that events are missing, and gives it the state of everything it listens to.
    pub(super) fn mend_gap(&mut self) -> Flow {
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::start_over);
        // A tap goes on: it has no state, and is in the audit already.
        let with_state = self.topics.iter().map(|listened| &listened.topic);
        let topics: Vec<_> = with_state.filter(|topic| !matches!(topic, Topic::Tap(_))).cloned().collect();
        let flow = self.ask(topics.clone()).map(move |answers, session: &mut Self, ctx| {
            if has_failed(&answers) {
                // What is missing cannot be told now: the client comes back with its cursor, and is told then.
                return session.end(&End::busy(), ctx);
            }
            session.start_over(held, &topics, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    fn start_over(&mut self, held: Option<Cursor>, topics: &[Topic], answers: Answers) {
        let Some(held) = held else { return };
        self.house.metrics.gap();
        self.say(&Word::Gap);
        let (snapshots, refused) = Self::sort_out(topics, answers);
        for (topic, problem) in &refused {
            self.tell_withdrawn(topic, problem);
            self.leave(topic);
        }
        self.tell(&snapshots, held);
        let channels = self.with_own(&self.topics);
        self.with_seat(|seat| seat.release(&channels));
    }

    /// Ends a flow; a gap that came meanwhile is mended next, before anything else.
    pub(super) fn rest(&mut self, ctx: &mut Context<Self>) {
        self.is_busy = false;
        self.withdrawn.clear();
        if self.is_lost() {
            let flow = self.mend_gap();
            ctx.spawn(flow);
            return;
        }
        for waiting in self.when_idle.drain(..) {
            // A frame whose socket is gone waits no more.
            let _ = waiting.send(());
        }
    }
}
