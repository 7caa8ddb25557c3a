//! How a session begins to listen: anew with snapshots, where it left off, or again after a gap.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;

use super::actor::Session;
use super::listening::{Answers, has_failed};
use super::messages::End;
use super::speech::{Hello, Outage, Welcome, Word};
use super::topics::{Listened, read_topics};
use crate::broker::{Gap, Seat};
use crate::domain::cursor::Cursor;
use crate::domain::pace::Pace;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::observe::Began;

/// What a session does until it has answered.
pub(super) type Flow = ResponseActFuture<Session, ()>;

/// Where a client begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// It has seen nothing.
    Fresh,
    /// It has seen everything up to here.
    At(Cursor),
    /// It has a cursor that nobody can read.
    Lost,
}

impl Start {
    fn of(hello: &Hello) -> Self {
        match hello.cursor.as_deref().map(str::parse) {
            None => Self::Fresh,
            Some(Ok(cursor)) => Self::At(cursor),
            Some(Err(_)) => Self::Lost,
        }
    }
}

impl Session {
    /// Sends the welcome, with what the client is told of the order.
    fn greet(&mut self, recovered: bool, cursor: Cursor) {
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

    /// Begins: where the cursor says if that is still known, else with snapshots. Topics that one may not have are
    /// refused one by one.
    pub(super) fn hello(&mut self, hello: Hello) -> Flow {
        if let Some(Outage { attempts, ms }) = hello.outage {
            self.house.metrics.reconnected(Duration::from_millis(ms), attempts);
        }
        let start = Start::of(&hello);
        let wanted = self.greeted_topics(&hello);
        // A fresh client needs a snapshot of everything; for others only single modules need a judgement here, and taps a
        // line in the audit.
        let is_judged = |topic: &Topic| matches!(topic, Topic::Module(_) | Topic::Tap(_));
        let asked = wanted.iter().map(|listened| &listened.topic);
        let asked = asked.filter(|topic| start == Start::Fresh || is_judged(topic));
        let asked: Vec<_> = asked.cloned().collect();
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::hold);
        let relay = self.house.relay.clone();
        let arrived = async move {
            // The client may have been told by another thread a moment ago.
            if let Start::At(cursor) = start {
                relay.arrive(cursor).await;
            }
        };
        let asking = asked.clone();
        let answered = wrap_future(arrived).then(move |(), session: &mut Self, _| session.ask(asking));
        let flow = answered.map(move |answers, session: &mut Self, ctx| {
            if has_failed(&answers) {
                return session.end(&End::busy(), ctx);
            }
            session.begin(hello.id, start, held, wanted, &asked, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    /// The topics of a hello that one may have, each once, however often they are named.
    fn greeted_topics(&self, hello: &Hello) -> Vec<Listened> {
        if let Err(problem) = self.check_room(hello.topics.len()) {
            self.refuse(hello.id, &problem);
            return Vec::new();
        }
        let mut wanted = Vec::new();
        for (place, text) in hello.topics.iter().enumerate() {
            let pace = hello.own_paces.get(place).copied().unwrap_or(hello.pace);
            let read = read_topics(std::slice::from_ref(text));
            match read.and_then(|topics| self.with_channels(topics, pace)) {
                Ok(topics) if topics.iter().all(|topic| wanted.contains(topic)) => {}
                Ok(topics) => wanted.extend(topics),
                Err(problem) => self.refuse(hello.id, &problem),
            }
        }
        wanted
    }

    fn begin(
        &mut self,
        id: Option<u64>,
        start: Start,
        held: Option<Cursor>,
        mut wanted: Vec<Listened>,
        asked: &[Topic],
        answers: Answers,
    ) {
        let (snapshots, refused) = self.sort_out(id, asked, answers);
        wanted.retain(|listened| !refused.contains(&listened.topic));
        let channels = self.with_own(&wanted);
        let (Some(seat), Some(held)) = (&self.seat, held) else { return };
        match start {
            Start::At(cursor) if seat.can_resume(cursor) => {
                self.house.metrics.session_began(Began::Resumed);
                self.greet(true, cursor);
                self.listen(wanted);
                self.with_seat(|seat| seat.resume(&channels, cursor));
            }
            Start::At(_) | Start::Lost => {
                self.house.metrics.session_began(Began::Gapped);
                // Everything gets its snapshot by the way of a gap, at the end of this flow.
                self.greet(false, held);
                self.listen(wanted);
                self.gap = Some(Gap { missed: None });
            }
            Start::Fresh => {
                self.house.metrics.session_began(Began::Fresh);
                self.greet(false, held);
                self.tell(&snapshots, held);
                self.listen(wanted);
                self.with_seat(|seat| seat.release(&channels));
            }
        }
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
        let channels: Vec<_> = wanted.iter().map(|listened| listened.wanted.clone()).collect();
        self.say(&Word::Reply { id, topics: &names });
        let topics = wanted.iter().map(|listened| listened.topic.clone());
        self.tell(&topics.zip(snapshots).collect::<Vec<_>>(), held);
        self.listen(wanted);
        self.with_seat(|seat| seat.release(&channels));
    }

    /// Tells the client that events are missing, and gives it the state of everything it listens to.
    pub(super) fn mend_gap(&mut self) -> Flow {
        let Some(gap) = self.gap.take() else { return Box::pin(fut::ready(())) };
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::hold);
        // A tap goes on: it has no state, and is in the audit already.
        let with_state = self.topics.iter().map(|listened| &listened.topic);
        let topics: Vec<_> = with_state.filter(|topic| !matches!(topic, Topic::Tap(_))).cloned().collect();
        let flow = self.ask(topics.clone()).map(move |answers, session: &mut Self, ctx| {
            if has_failed(&answers) {
                // What is missing cannot be told now: the client comes back with its cursor, and is told then.
                return session.end(&End::busy(), ctx);
            }
            session.start_over(gap, held, &topics, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    fn start_over(&mut self, gap: Gap, held: Option<Cursor>, topics: &[Topic], answers: Answers) {
        let Some(held) = held else { return };
        self.house.metrics.gap();
        self.say(&Word::Gap { missed: gap.missed });
        let (snapshots, refused) = self.sort_out(None, topics, answers);
        for topic in &refused {
            self.leave(topic);
        }
        self.tell(&snapshots, held);
        let channels = self.with_own(&self.topics);
        self.with_seat(|seat| seat.release(&channels));
    }

    /// Ends a flow; a gap that came meanwhile is mended next, before anything else.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        self.is_busy = false;
        self.withdrawn.clear();
        if self.gap.is_some() {
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
