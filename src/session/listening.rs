//! What a session listens to, and what it asks and tells about that.

use std::sync::Arc;

use actix::fut::wrap_future;
use actix::prelude::*;

use super::actor::{ASK_TIMEOUT, Session};
use super::messages::{Snapshot, TakeSnapshots};
use super::speech::Word;
use super::topics::{Listened, forbidden, read_topics, too_many};
use crate::broker::{Seat, Wanted};
use crate::domain::cursor::Cursor;
use crate::domain::pace::Pace;
use crate::domain::problem::Problem;
use crate::domain::topic::{Channel, Topic};

/// The states behind topics, as far as they may be had.
pub(super) type Answers = Vec<Result<Snapshot, Problem>>;

/// Topics and the states behind them.
pub(super) type States = Vec<(Topic, Snapshot)>;

/// Whether some state cannot be told now, though it may be had.
pub(super) fn has_failed(answers: &Answers) -> bool {
    answers.iter().any(|answer| answer.as_ref().is_err_and(|problem| problem.status >= 500))
}

impl Session {
    /// Ends one topic; answers whether there was one.
    pub(super) fn leave(&mut self, topic: &Topic) -> bool {
        let Some(place) = self.topics.iter().position(|known| known.topic == *topic) else { return false };
        let channel = self.topics.swap_remove(place).wanted.channel;
        let stays = channel == self.own().channel || self.topics.iter().any(|other| other.wanted.channel == channel);
        if stays {
            self.with_seat(|seat| seat.set_pace(&self.at_seat(channel)));
        } else {
            self.with_seat(|seat| seat.leave(&channel));
        }
        self.tell_watching(topic, false);
        self.tell_speech();
        true
    }

    /// Takes a topic away from a client that has it, or is about to.
    pub(super) fn withdraw(&mut self, topic: Topic) {
        if self.leave(&topic) {
            self.tell_withdrawn(&topic, &forbidden(&topic));
        }
        if self.is_busy {
            // What the flow was answered may be older.
            self.withdrawn.push(topic);
        }
    }

    pub(super) fn tell_withdrawn(&self, topic: &Topic, problem: &Problem) {
        self.house.metrics.refused("frame");
        self.say(&Word::Withdrawn { topic, problem });
    }

    /// Asks for the state behind topics; what is withdrawn meanwhile is refused.
    pub(super) fn ask(&self, topics: Vec<Topic>) -> impl ActorFuture<Self, Output = Answers> + 'static + use<> {
        let (snapshots, asked) = (self.house.snapshots.clone(), topics.clone());
        let principal = Arc::clone(&self.principal);
        let answered = wrap_future::<_, Self>(async move {
            let count = topics.len();
            if count == 0 {
                return Vec::new();
            }
            let answer = snapshots.send(TakeSnapshots { principal, topics }).timeout(ASK_TIMEOUT).await;
            answer.unwrap_or_else(|_| vec![Err(Problem::busy()); count])
        });
        answered.map(move |answers: Answers, session, _| {
            let judged = asked.iter().zip(answers);
            let judged = judged.map(|(topic, answer)| match session.withdrawn.contains(topic) {
                true => Err(forbidden(topic)),
                false => answer,
            });
            judged.collect()
        })
    }

    /// The snapshots that are there, and the topics that may not be had.
    pub(super) fn sort_out(asked: &[Topic], answers: Answers) -> (States, Vec<(Topic, Problem)>) {
        let (mut snapshots, mut refused) = (Vec::new(), Vec::new());
        for (topic, answer) in asked.iter().zip(answers) {
            match answer {
                Ok(snapshot) => snapshots.push((topic.clone(), snapshot)),
                Err(problem) => refused.push((topic.clone(), problem)),
            }
        }
        (snapshots, refused)
    }

    pub(super) fn with_seat(&self, act: impl FnOnce(&Seat)) {
        if let Some(seat) = &self.seat {
            act(seat);
        }
    }

    /// Whether events are lost that the client has not been told of.
    pub(super) fn is_lost(&self) -> bool {
        self.seat.as_ref().is_some_and(Seat::is_lost)
    }

    pub(super) fn tell(&mut self, snapshots: &[(Topic, Snapshot)], cursor: Cursor) {
        for (topic, data) in snapshots {
            self.say_state(topic, data, cursor);
        }
        self.say(&Word::Synced(cursor));
    }

    pub(super) fn say_state(&mut self, topic: &Topic, data: &Snapshot, cursor: Cursor) {
        self.has_state = true;
        self.say(&Word::Snapshot { topic: &topic.to_string(), data, cursor });
    }

    /// Adds topics; one that it has already gets the new pace.
    pub(super) fn listen(&mut self, wanted: Vec<Listened>) {
        self.topics.reserve_exact(wanted.len());
        for listened in wanted {
            if let Some(known) = self.topics.iter_mut().find(|known| known.topic == listened.topic) {
                known.wanted = listened.wanted;
                continue;
            }
            self.tell_watching(&listened.topic, true);
            self.topics.push(listened);
        }
        self.tell_speech();
    }

    pub(super) fn listens_to(&self, topic: &Topic) -> bool {
        self.topics.iter().any(|known| known.topic == *topic)
    }

    /// What everybody listens to: oneself.
    pub(super) fn own(&self) -> Wanted {
        Wanted { channel: Channel::User(self.principal.user_id.clone()), pace: None }
    }

    /// What a seat must listen to for topics that one has.
    pub(super) fn channels_of(&self, topics: &[Listened]) -> Vec<Wanted> {
        topics.iter().map(|listened| self.at_seat(listened.wanted.channel.clone())).collect()
    }

    /// The same and oneself.
    pub(super) fn with_own(&self, topics: &[Listened]) -> Vec<Wanted> {
        self.channels_of(topics).into_iter().chain([self.own()]).collect()
    }

    /// A channel with the fastest pace of all topics that mean it, such as a module and a look into what it tells.
    fn at_seat(&self, channel: Channel) -> Wanted {
        let own = (channel == self.own().channel).then_some(None);
        let paces = self.topics.iter().filter(|one| one.wanted.channel == channel).map(|one| one.wanted.pace);
        // None is faster than any.
        let pace = paces.chain(own).min().flatten();
        Wanted { channel, pace }
    }

    pub(super) fn with_channels(&self, topics: Vec<Topic>, pace: Option<Pace>) -> Result<Vec<Listened>, Problem> {
        topics.into_iter().map(|topic| Listened::of(topic, pace, &self.principal)).collect()
    }

    /// Reads topics of one frame; more than a connection may have are not even looked at.
    pub(super) fn read(&self, texts: &[String]) -> Result<Vec<Topic>, Problem> {
        let most = self.house.options.max_topics;
        if texts.len() > most { Err(too_many(most)) } else { read_topics(texts) }
    }

    pub(super) fn check_room(&self, more: usize) -> Result<(), Problem> {
        let most = self.house.options.max_topics;
        if self.topics.len() + more > most { Err(too_many(most)) } else { Ok(()) }
    }
}
