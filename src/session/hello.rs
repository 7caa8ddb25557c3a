//! How a client says hello: it begins anew with snapshots, or goes on where it left off.

use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;

use super::actor::Session;
use super::flow::Flow;
use super::listening::{Answers, has_failed};
use super::messages::{End, Snapshot};
use super::speech::{Hello, Outage, Word};
use super::topics::{Listened, read_topics, too_many};
use crate::broker::Seat;
use crate::domain::cursor::Cursor;
use crate::domain::problem::Problem;
use crate::domain::topic::Topic;
use crate::observe::Began;

/// Where a client begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Start {
    /// It has seen nothing.
    #[default]
    Fresh,
    /// It has seen everything up to here.
    At(Cursor),
    /// It has a cursor that nobody can go on from.
    Lost,
}

/// What a client begins with.
#[derive(Debug, Default)]
struct Wishes {
    id: Option<u64>,
    start: Start,
    /// The topics as the client wrote them.
    named: Vec<String>,
    wanted: Vec<Listened>,
    /// Those that begin with a snapshot even if the others go on.
    fresh: Vec<Topic>,
    /// What is wrong with the others; told behind the welcome.
    problems: Vec<Problem>,
}

impl Wishes {
    fn add(&mut self, topics: Vec<Listened>, are_fresh: bool) {
        for listened in topics {
            if self.wanted.iter().any(|known| known.topic == listened.topic) {
                continue;
            }
            self.fresh.extend(are_fresh.then(|| listened.topic.clone()));
            self.wanted.push(listened);
        }
    }

    /// Takes a topic out that may not be had.
    fn refuse(&mut self, topic: &Topic, problem: Problem) {
        self.wanted.retain(|listened| listened.topic != *topic);
        let place = self.named.iter().position(|text| text.parse::<Topic>().is_ok_and(|named| named == *topic));
        self.problems.push(at_place(place.unwrap_or_default(), problem));
    }

    /// The topics to ask about. A fresh client needs a snapshot of everything; for others only what is new does, single
    /// modules need a judgement, and taps a line in the audit.
    fn asked(&self) -> Vec<Topic> {
        let is_judged = |topic: &Topic| matches!(topic, Topic::Module(_) | Topic::Tap(_)) || self.fresh.contains(topic);
        let topics = self.wanted.iter().map(|listened| &listened.topic);
        topics.filter(|topic| self.start == Start::Fresh || is_judged(topic)).cloned().collect()
    }
}

impl Session {
    /// Begins: where the cursor says if that is still known, else with snapshots. Topics that one may not have are
    /// refused one by one.
    pub(super) fn hello(&mut self, hello: Hello) -> Flow {
        if let Some(Outage { attempts, ms }) = hello.outage {
            self.house.metrics.reconnected(Duration::from_millis(ms), attempts);
        }
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::hold);
        let wishes = self.wishes_of(&hello);
        let (start, asked) = (wishes.start, wishes.asked());
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
            session.begin(wishes, held, &asked, answers, ctx);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    /// Where a client begins: who has been told of anything since it came cannot be told in order what was before.
    fn start_of(&self, hello: &Hello) -> Start {
        match hello.cursor.as_deref().map(str::parse) {
            None => Start::Fresh,
            Some(Ok(cursor)) if !self.has_state && !self.seat.as_ref().is_some_and(Seat::has_heard) => {
                Start::At(cursor)
            }
            Some(_) => Start::Lost,
        }
    }

    /// The topics of a hello that one may have, each once, however often they are named.
    fn wishes_of(&self, hello: &Hello) -> Wishes {
        let (start, named) = (self.start_of(hello), hello.topics.clone());
        let mut wishes = Wishes { id: hello.id, start, named, ..Wishes::default() };
        let most = self.house.options.max_topics;
        if hello.topics.len() > most {
            return Wishes { problems: vec![too_many(most)], ..wishes };
        }
        for (place, text) in hello.topics.iter().enumerate() {
            let pace = hello.own_paces.get(place).copied().flatten().or(hello.pace);
            let read = read_topics(std::slice::from_ref(text));
            match read.and_then(|topics| self.with_channels(topics, pace)) {
                Ok(topics) => wishes.add(topics, hello.fresh.contains(text)),
                Err(problem) => wishes.problems.push(at_place(place, problem)),
            }
        }
        let more = wishes.wanted.iter().filter(|listened| !self.listens_to(&listened.topic)).count();
        match self.check_room(more) {
            Ok(()) => wishes,
            Err(problem) => Wishes { wanted: Vec::new(), problems: vec![problem], ..wishes },
        }
    }

    fn begin(
        &mut self,
        mut wishes: Wishes,
        held: Option<Cursor>,
        asked: &[Topic],
        answers: Answers,
        ctx: &mut Context<Self>,
    ) {
        let (Some(seat), Some(held)) = (&self.seat, held) else { return };
        let (began, from) = match wishes.start {
            _ if seat.is_lost() => (Began::Gapped, held),
            Start::Fresh => (Began::Fresh, held),
            Start::At(cursor) if seat.can_resume(cursor) => (Began::Resumed, cursor),
            Start::At(_) | Start::Lost => (Began::Gapped, held),
        };
        self.house.metrics.session_began(began);
        self.greet(began == Began::Resumed, from);
        let (snapshots, refused) = Self::sort_out(asked, answers);
        for (topic, problem) in refused {
            wishes.refuse(&topic, problem);
        }
        for problem in &wishes.problems {
            self.refuse(wishes.id, problem);
        }
        match began {
            Began::Resumed => self.resume(wishes, from, held, &snapshots, ctx),
            Began::Fresh => {
                self.tell(&snapshots, held);
                self.listen(wishes.wanted.clone());
                let channels = self.with_own(&wishes.wanted);
                self.with_seat(|seat| seat.release(&channels));
            }
            Began::Gapped => {
                // Everything gets its snapshot by the way of a gap, at the end of this flow.
                self.listen(wishes.wanted);
                self.with_seat(Seat::lose);
            }
        }
    }

    /// Goes on from a cursor; topics that are new begin with their states, which were taken after `held`.
    fn resume(
        &mut self,
        wishes: Wishes,
        cursor: Cursor,
        held: Cursor,
        snapshots: &[(Topic, Snapshot)],
        ctx: &mut Context<Self>,
    ) {
        let Wishes { wanted, fresh, .. } = wishes;
        for (topic, data) in snapshots.iter().filter(|(topic, _)| fresh.contains(topic)) {
            // Who is cut off behind this still lacks what was missed of the others.
            self.say_state(topic, data, cursor);
        }
        self.listen(wanted.clone());
        let (new, known): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|one| fresh.contains(&one.topic));
        let (new, known) = (self.channels_of(&new), self.with_own(&known));
        self.with_seat(|seat| {
            seat.listen_from(&new, held);
            seat.resume(&known, cursor);
        });
        self.say_when_caught_up(ctx);
    }

    fn say_when_caught_up(&self, ctx: &mut Context<Self>) {
        let Some(caught_up) = self.seat.as_ref().and_then(Seat::caught_up) else {
            return self.say(&Word::CaughtUp);
        };
        let told = caught_up.into_actor(self).map(|_, session, _| {
            // A gap that came meanwhile ends with a word of its own.
            if !session.is_busy && !session.is_lost() {
                session.say(&Word::CaughtUp);
            }
        });
        ctx.spawn(told);
    }
}

/// A problem that names the place of the topic at fault among those of the hello.
fn at_place(place: usize, mut problem: Problem) -> Problem {
    let told = problem.errors.drain(..).next().map(|error| error.detail);
    let detail = told.unwrap_or_else(|| problem.detail.clone());
    problem.with_error(format!("/topics/{place}"), detail)
}
