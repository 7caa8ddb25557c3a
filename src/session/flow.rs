//! How a session begins to listen: anew with snapshots, where it left off, or again after a gap.

use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::prelude::*;

use super::actor::{ASK_TIMEOUT, Session};
use super::messages::{Snapshot, TakeSnapshots};
use super::speech::{Hello, Outage, Welcome, Word};
use super::topics::{channel_of, read_topics, too_many};
use crate::broker::{Gap, Seat};
use crate::domain::cursor::Cursor;
use crate::domain::problem::Problem;
use crate::domain::topic::{Channel, Topic};
use crate::observe::Began;

/// What a session does until it has answered.
pub(super) type Flow = ResponseActFuture<Session, ()>;
type Answers = Vec<Result<Snapshot, Problem>>;

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
        self.with_seat(|seat| seat.release(&[self.own_channel()]));
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
        let asked = wanted.iter().filter(|(topic, _)| start == Start::Fresh || is_judged(topic));
        let asked: Vec<_> = asked.map(|(topic, _)| topic.clone()).collect();
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::hold);
        let flow = self.ask(asked.clone()).map(move |answers, session: &mut Self, ctx| {
            session.begin(hello.id, start, held, wanted, &asked, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    /// The topics of a hello that one may have, each once, however often they are named.
    fn greeted_topics(&self, hello: &Hello) -> Vec<(Topic, Channel)> {
        if let Err(problem) = self.check_room(hello.topics.len()) {
            self.refuse(hello.id, &problem);
            return Vec::new();
        }
        let mut wanted = Vec::new();
        for text in &hello.topics {
            match read_topics(std::slice::from_ref(text)).and_then(|topics| self.with_channels(topics)) {
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
        mut wanted: Vec<(Topic, Channel)>,
        asked: &[Topic],
        answers: Answers,
    ) {
        let (snapshots, refused) = self.sort_out(id, asked, answers);
        wanted.retain(|(topic, _)| !refused.contains(topic));
        let mut channels: Vec<_> = wanted.iter().map(|(_, channel)| channel.clone()).collect();
        channels.push(self.own_channel());
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
    pub(super) fn subscribe(&mut self, id: Option<u64>, texts: &[String]) -> Flow {
        let wanted = self.read(texts).and_then(|topics| self.with_channels(topics)).and_then(|wanted| {
            let fresh = wanted.iter().filter(|(topic, _)| !self.listens_to(topic)).count();
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
        let topics = wanted.iter().map(|(topic, _)| topic.clone()).collect();
        let flow = self.ask(topics).map(move |answers, session: &mut Self, ctx| {
            session.go_on(id, held, wanted, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    fn go_on(&mut self, id: Option<u64>, held: Option<Cursor>, wanted: Vec<(Topic, Channel)>, answers: Answers) {
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
        let (names, channels): (Vec<_>, Vec<_>) =
            wanted.iter().map(|(topic, channel)| (topic.to_string(), channel.clone())).unzip();
        self.say(&Word::Reply { id, topics: &names });
        let topics = wanted.iter().map(|(topic, _)| topic.clone());
        self.tell(&topics.zip(snapshots).collect::<Vec<_>>(), held);
        self.listen(wanted);
        self.with_seat(|seat| seat.release(&channels));
    }

    /// Ends one topic; answers whether there was one.
    pub(super) fn leave(&mut self, topic: &Topic) -> bool {
        let Some(place) = self.topics.iter().position(|(known, _)| known == topic) else { return false };
        let (_, channel) = self.topics.swap_remove(place);
        let stays = channel == self.own_channel() || self.topics.iter().any(|(_, other)| *other == channel);
        if let Some(seat) = self.seat.as_ref().filter(|_| !stays) {
            seat.leave(&channel);
        }
        self.tell_watching(topic, false);
        self.tell_speech();
        true
    }

    /// Tells the client that events are missing, and gives it the state of everything it listens to.
    pub(super) fn mend_gap(&mut self) -> Flow {
        let Some(gap) = self.gap.take() else { return Box::pin(fut::ready(())) };
        self.is_busy = true;
        let held = self.seat.as_ref().map(Seat::hold);
        // A tap goes on: it has no state, and is in the audit already.
        let with_state = self.topics.iter().filter(|(topic, _)| !matches!(topic, Topic::Tap(_)));
        let topics: Vec<_> = with_state.map(|(topic, _)| topic.clone()).collect();
        let flow = self.ask(topics.clone()).map(move |answers, session: &mut Self, ctx| {
            session.start_over(gap, held, &topics, answers);
            session.rest(ctx);
        });
        Box::pin(flow)
    }

    fn start_over(&mut self, gap: Gap, held: Option<Cursor>, topics: &[Topic], answers: Answers) {
        let Some(held) = held else { return };
        self.say(&Word::Gap { missed: gap.missed });
        let (snapshots, refused) = self.sort_out(None, topics, answers);
        for topic in &refused {
            self.leave(topic);
        }
        self.tell(&snapshots, held);
        let mut channels: Vec<_> = self.topics.iter().map(|(_, channel)| channel.clone()).collect();
        channels.push(self.own_channel());
        self.with_seat(|seat| seat.release(&channels));
    }

    /// Ends a flow; a gap that came meanwhile is mended next, before anything else.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        self.is_busy = false;
        for module in std::mem::take(&mut self.withdrawn) {
            self.withdraw(module);
        }
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

    fn ask(&self, topics: Vec<Topic>) -> impl ActorFuture<Self, Output = Answers> + 'static {
        let snapshots = self.house.snapshots.clone();
        let principal = Arc::clone(&self.principal);
        wrap_future(async move {
            let count = topics.len();
            if count == 0 {
                return Vec::new();
            }
            let answer = snapshots.send(TakeSnapshots { principal, topics }).timeout(ASK_TIMEOUT).await;
            answer.unwrap_or_else(|_| {
                let problem = Problem::new("unavailable", 503, "the hub is busy; try again in a moment");
                vec![Err(problem); count]
            })
        })
    }

    /// The snapshots that are there, and the topics that may not be had, which are refused one by one.
    fn sort_out(&self, id: Option<u64>, asked: &[Topic], answers: Answers) -> (Vec<(Topic, Snapshot)>, Vec<Topic>) {
        let (mut snapshots, mut refused) = (Vec::new(), Vec::new());
        for (topic, answer) in asked.iter().zip(answers) {
            match answer {
                Ok(snapshot) => snapshots.push((topic.clone(), snapshot)),
                Err(problem) => {
                    self.refuse(id, &problem);
                    refused.push(topic.clone());
                }
            }
        }
        (snapshots, refused)
    }

    fn with_seat(&self, act: impl FnOnce(&Seat)) {
        if let Some(seat) = &self.seat {
            act(seat);
        }
    }

    fn tell(&self, snapshots: &[(Topic, Snapshot)], cursor: Cursor) {
        for (topic, data) in snapshots {
            self.say(&Word::Snapshot { topic: &topic.to_string(), data, cursor });
        }
        self.say(&Word::Synced(cursor));
    }

    fn listen(&mut self, wanted: Vec<(Topic, Channel)>) {
        for (topic, channel) in wanted {
            if !self.listens_to(&topic) {
                self.tell_watching(&topic, true);
                self.topics.push((topic, channel));
            }
        }
        self.tell_speech();
    }

    fn listens_to(&self, topic: &Topic) -> bool {
        self.topics.iter().any(|(known, _)| known == topic)
    }

    fn own_channel(&self) -> Channel {
        Channel::User(self.principal.user_id.clone())
    }

    fn with_channels(&self, topics: Vec<Topic>) -> Result<Vec<(Topic, Channel)>, Problem> {
        topics.into_iter().map(|topic| channel_of(&topic, &self.principal).map(|channel| (topic, channel))).collect()
    }

    /// Reads topics of one frame; more than a connection may have are not even looked at.
    pub(super) fn read(&self, texts: &[String]) -> Result<Vec<Topic>, Problem> {
        let most = self.house.options.max_topics;
        if texts.len() > most { Err(too_many(most)) } else { read_topics(texts) }
    }

    fn check_room(&self, more: usize) -> Result<(), Problem> {
        let most = self.house.options.max_topics;
        if self.topics.len() + more > most { Err(too_many(most)) } else { Ok(()) }
    }
}
