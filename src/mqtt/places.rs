//! Whose sessions there are, on all threads: those of connected clients, and those that wait for one to come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytestring::ByteString;
use tokio::sync::{mpsc, oneshot};

use super::bridge::{Word, Words};
use super::session::{Message, Session};

/// How often sessions whose time is over are looked for, while clients leave.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How long what is under way may take when a connection is gone.
pub const SETTLE: Duration = Duration::from_secs(5);
/// How long an older connection may take to hand its session over: it settles before, and nothing else.
pub const HAND_OVER: Duration = SETTLE.saturating_add(Duration::from_secs(2));

/// The sessions of all clients; clones share them.
///
/// Invariant: one place for each owner; at most `most` wait for their client, the oldest of them are forgotten.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    known: Mutex<Known>,
    most: usize,
}

#[derive(Default)]
struct Known {
    places: HashMap<String, Place>,
    last_stay: u64,
    parked: usize,
    swept_at: Option<Instant>,
}

/// One stay of a client: from the connection to its end, or to the end of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    owner: String,
    number: u64,
}

struct Place {
    stay: u64,
    client_id: ByteString,
    state: State,
}

enum State {
    Connected(Words),
    Parked { session: Box<Session>, until: Instant },
}

/// What a client comes with.
pub struct Entry<'a> {
    /// Whose session it is.
    pub owner: String,
    /// What the client calls itself; another name stands for another session, which replaces that one.
    pub client_id: &'a ByteString,
    /// Whether to begin anew.
    pub is_clean: bool,
    /// How to speak to the new connection.
    pub words: Words,
}

impl Places {
    /// Nobody's yet; at most so many sessions wait for their client.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner { known: Mutex::default(), most }))
    }

    /// Enters a client, who takes over from an older connection of the same owner; answers its session if it was
    /// remembered and is wanted.
    pub async fn enter(&self, entry: Entry<'_>) -> (Stay, Option<Session>) {
        let Entry { owner, client_id, is_clean, words } = entry;
        let place = Place { stay: 0, client_id: client_id.clone(), state: State::Connected(words) };
        let (stay, before) = self.known().put(owner, place);
        let Some(Place { client_id: old_id, state, .. }) = before else { return (stay, None) };
        let session = match state {
            State::Parked { session, until } => (until > Instant::now()).then_some(*session),
            State::Connected(older) => take_over(&older).await,
        };
        (stay, session.filter(|_| !is_clean && old_id == *client_id))
    }

    /// A client leaves; its session waits so long. Answers the session if a newer connection has taken its place.
    #[must_use]
    pub fn leave(&self, stay: &Stay, session: Session, expiry: Duration) -> Option<Session> {
        let mut known = self.known();
        if known.places.get(&stay.owner).is_none_or(|place| place.stay != stay.number) {
            return Some(session);
        }
        if expiry.is_zero() {
            known.places.remove(&stay.owner);
            return None;
        }
        known.sweep();
        if known.parked >= self.0.most {
            known.forget(self.0.most);
        }
        known.parked += 1;
        if let Some(place) = known.places.get_mut(&stay.owner) {
            place.state = State::Parked { session: Box::new(session), until: Instant::now() + expiry };
        }
        None
    }

    /// A client leaves like [`Places::leave`]; a newer connection that came meanwhile, and asks for the session by the
    /// words of this one, is handed it.
    pub async fn give_back(&self, stay: &Stay, words: mpsc::Receiver<Word>, session: Session, expiry: Duration) {
        if let Some(session) = self.leave(stay, session, expiry) {
            hand_over_late(words, Some(session).filter(|_| !expiry.is_zero())).await;
        }
    }

    /// Whether a client that left has not come back.
    #[must_use]
    pub fn is_away(&self, stay: &Stay) -> bool {
        let known = self.known();
        known.places.get(&stay.owner).is_none_or(|place| place.stay == stay.number)
    }

    /// Hands a message to everybody who listens; `from` published it. Answers how many lost it. Only the broker of the
    /// conformance tests asks for it: the hub speaks to each connection by its words.
    pub fn deliver(&self, message: &Message, from: Option<&str>) -> usize {
        let (mut known, now) = (self.known(), Instant::now());
        let mut lost = 0;
        for (owner, place) in &mut known.places {
            let is_own = from == Some(owner);
            lost += usize::from(match &mut place.state {
                State::Connected(words) => words.try_send(Word::Deliver { message: message.clone(), is_own }).is_err(),
                State::Parked { session, until } => {
                    let is_kept = *until > now && message.publish().qos != rmqtt_codec::types::QoS::AtMostOnce;
                    is_kept && session.deliver(message, is_own)
                }
            });
        }
        lost
    }

    /// How many sessions wait for their client.
    #[must_use]
    pub fn parked(&self) -> usize {
        self.known().parked
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn put(&mut self, owner: String, mut place: Place) -> (Stay, Option<Place>) {
        self.last_stay += 1;
        place.stay = self.last_stay;
        let stay = Stay { owner: owner.clone(), number: place.stay };
        let before = self.places.insert(owner, place);
        if matches!(&before, Some(Place { state: State::Parked { .. }, .. })) {
            self.parked -= 1;
        }
        (stay, before)
    }

    /// Ends the sessions whose time is over, now and then: it takes as long as there are sessions.
    fn sweep(&mut self) {
        let now = Instant::now();
        if self.swept_at.is_some_and(|swept| now < swept + SWEEP_EVERY) {
            return;
        }
        self.swept_at = Some(now);
        self.places.retain(|_, place| place.until().is_none_or(|until| until > now));
        self.parked = self.places.values().filter_map(Place::until).count();
    }

    /// Makes room for a good number of sessions: those whose time is over, and then those that would be next.
    fn forget(&mut self, most: usize) {
        let mut ends: Vec<_> = self.places.values().filter_map(Place::until).collect();
        ends.sort_unstable();
        let keep_from = ends.get(most / 16).copied().unwrap_or_else(Instant::now).max(Instant::now());
        self.places.retain(|_, place| place.until().is_none_or(|until| until > keep_from));
        self.parked = self.places.values().filter_map(Place::until).count();
    }
}

impl Place {
    const fn until(&self) -> Option<Instant> {
        match &self.state {
            State::Parked { until, .. } => Some(*until),
            State::Connected(_) => None,
        }
    }
}

/// Hands the session to a newer connection that came while this one ended, and asks for it.
async fn hand_over_late(mut words: mpsc::Receiver<Word>, session: Option<Session>) {
    let asked = async {
        while let Some(word) = words.recv().await {
            if let Word::TakeOver(hand_over) = word {
                return Some(hand_over);
            }
        }
        None
    };
    if let Ok(Some(hand_over)) = tokio::time::timeout(SETTLE, asked).await {
        // Who asked may have given up.
        let _ = hand_over.send(session);
    }
}

async fn take_over(older: &Words) -> Option<Session> {
    let (hand_over, handed_over) = oneshot::channel();
    let asked = async {
        older.send(Word::TakeOver(hand_over)).await.ok()?;
        handed_over.await.ok()?
    };
    tokio::time::timeout(HAND_OVER, asked).await.ok()?
}

#[cfg(test)]
mod tests {
    use rmqtt_codec::types::QoS;

    use super::*;
    use crate::mqtt::session::SessionBounds;

    const BOUNDS: SessionBounds = SessionBounds { queued: 4, subscriptions: 4 };

    async fn enter(places: &Places, owner: &str, client_id: &str) -> (Stay, Option<Session>) {
        let (words, _) = mpsc::channel(4);
        let client_id = client_id.into();
        places.enter(Entry { owner: owner.to_owned(), client_id: &client_id, is_clean: false, words }).await
    }

    #[tokio::test]
    async fn a_session_waits_for_the_same_client_only_and_not_for_ever() {
        let places = Places::new(10);
        let minute = Duration::from_secs(60);
        let (stay, none) = enter(&places, "a", "1").await;
        assert!(none.is_none());
        assert!(places.leave(&stay, Session::new(BOUNDS), minute).is_none());
        assert!(places.is_away(&stay));
        let (again, session) = enter(&places, "a", "1").await;
        assert!(session.is_some() && !places.is_away(&stay));
        assert!(places.leave(&stay, Session::new(BOUNDS), minute).is_some());
        assert_eq!(places.parked(), 0, "an older stay changes nothing");
        assert!(places.leave(&again, Session::new(BOUNDS), minute).is_none());
        assert!(enter(&places, "a", "2").await.1.is_none(), "another client id");
        let (brief, _) = enter(&places, "b", "1").await;
        assert!(places.leave(&brief, Session::new(BOUNDS), Duration::ZERO).is_none());
        assert!(enter(&places, "b", "1").await.1.is_none());
    }

    #[tokio::test]
    async fn sessions_that_wait_are_bounded() {
        let places = Places::new(8);
        for number in 0..100 {
            let (stay, _) = enter(&places, &number.to_string(), "1").await;
            assert!(places.leave(&stay, Session::new(BOUNDS), Duration::from_secs(60)).is_none());
            assert!(places.parked() <= 8);
        }
        assert!(enter(&places, "99", "1").await.1.is_some(), "the newest are kept");
    }

    #[tokio::test]
    async fn what_comes_while_a_client_is_away_waits_for_it() {
        let places = Places::new(8);
        let (stay, _) = enter(&places, "a", "1").await;
        let mut session = Session::new(BOUNDS);
        session.subscriptions.add(crate::mqtt::session::Subscription {
            filter: "t".parse().unwrap(),
            options: rmqtt_codec::v5::SubscriptionOptions { qos: QoS::AtLeastOnce, ..Default::default() },
            id: None,
        });
        assert!(places.leave(&stay, session, Duration::from_secs(60)).is_none());
        assert_eq!(places.deliver(&Message::new("t", "1", QoS::AtMostOnce), None), 0);
        for number in 0..5 {
            let lost = places.deliver(&Message::new("t", number.to_string(), QoS::AtLeastOnce), None);
            assert_eq!(lost, usize::from(number == 4), "four may wait");
        }
        let mut session = enter(&places, "a", "1").await.1.unwrap();
        let waits = std::iter::from_fn(|| session.outgoing.next(Instant::now())).count();
        assert_eq!(waits, 4);
    }
}
