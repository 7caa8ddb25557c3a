//! One connected client: what it sends, what it is sent, and how it ends.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesOrdered;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{DisconnectReasonCode, LastWill, Packet};
use tokio::sync::mpsc;

use super::aliases::{Given, Taken};
use super::bridge::{Bridge, Note, Refused, Word};
use super::gate::{self, Entered};
use super::line::{Heard, Line};
use super::places::Stay;
use super::session::Session;
use ending::End;

mod acks;
mod ending;
mod receive;

/// What any other end is counted by.
const NORMAL: u16 = 1000;
/// How often a connection that is never silent too long is looked at.
const LOOK: Duration = Duration::from_secs(15);
/// How soon one is looked at again that is silent too long, but not to be ended yet.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Serves one connection to its end; `stranger` is dropped as soon as it is known who came.
pub async fn serve<B: Bridge>(bridge: Rc<B>, mut line: Line, from: IpAddr, stranger: impl Sized) {
    match gate::enter(&*bridge, &mut line, from).await {
        Some(entered) => {
            drop(stranger);
            let mut connection = Connection::new(bridge, line, entered);
            let end = connection.run().await;
            connection.finish(end).await;
        }
        None => line.close(None, NORMAL).await,
    }
}

/// What has become of a message of the client.
struct Finished {
    /// Its number; none for QoS 0.
    id: Option<NonZeroU16>,
    qos: QoS,
    /// The client says that it has sent it before.
    is_repeated: bool,
    /// What it counted as while it waited, see [`Bridge::weigh`].
    weight: usize,
    result: Result<(), Refused>,
}

/// What is being worked on, in the order in which it came: messages that came together are answered together.
type UnderWay = FuturesOrdered<LocalBoxFuture<'static, Vec<Finished>>>;

/// A connected client.
///
/// Invariant: acknowledgements go out in the order of their messages; what is `gathered` or under way weighs `working`, and while
/// that is `receive_max` or more, nothing is read: so it is never more by more than one message. Nothing is left in
/// `gathered` while it waits. Once the hub stops nothing more is read.
struct Connection<B: Bridge> {
    bridge: Rc<B>,
    guest: B::Guest,
    line: Line,
    stay: Stay,
    session: Session,
    words: mpsc::Receiver<Word>,
    gathered: Vec<(Publish, usize)>,
    under_way: UnderWay,
    working: usize,
    /// Until when what is under way is answered, once the hub stops.
    answers_until: Option<Instant>,
    will: Option<LastWill>,
    expiry: u32,
    keep_alive: Option<Duration>,
    heard_at: Instant,
    taken: Taken,
    given: Given,
}

impl<B: Bridge> Connection<B> {
    fn new(bridge: Rc<B>, line: Line, entered: Entered<B::Guest>) -> Self {
        let Entered { guest, stay, session, words, will, keep_alive, expiry, topic_aliases } = entered;
        let taken = Taken::new(bridge.terms().topic_aliases);
        Self {
            bridge,
            guest,
            line,
            stay,
            session,
            words,
            gathered: Vec::new(),
            under_way: FuturesOrdered::new(),
            working: 0,
            answers_until: None,
            will,
            expiry,
            keep_alive,
            heard_at: Instant::now(),
            taken,
            given: Given::new(topic_aliases),
        }
    }

    /// Serves the client to its end; where the hub stops, what is under way is answered before, as long as there is time.
    async fn run(&mut self) -> End {
        let end = self.attend().await;
        let (End::Stopped, Some(until)) = (&end, self.answers_until) else { return end };
        let answered = tokio::time::timeout_at(until.into(), self.attend()).await;
        answered.unwrap_or_else(|_| {
            self.bridge.give_up(&self.guest);
            end
        })
    }

    async fn attend(&mut self) -> End {
        let look = tokio::time::sleep_until(self.next_look().into());
        tokio::pin!(look);
        loop {
            if self.answers_until.is_some() && self.under_way.is_empty() {
                return End::Stopped;
            }
            self.send_waiting();
            let may_read = self.may_read();
            let flow = tokio::select! {
                biased;
                Some(word) = self.words.recv() => self.obey(word),
                Some(finished) = self.under_way.next(), if !self.under_way.is_empty() => self.answer_all(finished),
                heard = self.line.hear(may_read) => self.take(heard).await,
                // Set anew only when it is over: most of what comes would put it off.
                () = &mut look => {
                    look.as_mut().reset(self.next_look().max(Instant::now() + LOOK_AGAIN).into());
                    self.look()
                }
            };
            if let ControlFlow::Break(end) = flow {
                return end;
            }
        }
    }

    /// Sends what waits for the client, as far as it takes it.
    fn send_waiting(&mut self) {
        while self.line.has_room() {
            let Some(packet) = self.session.outgoing.next(Instant::now()) else { return };
            let Packet::Publish(mut publish) = packet else {
                self.line.send(packet);
                continue;
            };
            let plain = publish.clone();
            self.given.shorten(&mut publish);
            if self.line.send(Packet::Publish(publish)) {
                continue;
            }
            // A number beside the topic may have made it too long.
            self.given.forget(&plain.topic);
            let (id, qos) = (plain.packet_id, plain.qos);
            if !self.line.send(Packet::Publish(plain)) {
                // Too long for this client, for which it counts as done (MQTT 5, 3.1.2.11.4).
                self.drop_flight(id, qos);
            }
        }
    }

    fn drop_flight(&mut self, id: Option<NonZeroU16>, qos: QoS) {
        let Some(id) = id else { return };
        let outgoing = &mut self.session.outgoing;
        let _ = if qos == QoS::ExactlyOnce { outgoing.receive(id, false) } else { outgoing.acknowledge(id) };
    }

    fn obey(&mut self, word: Word) -> ControlFlow<End> {
        let is_lost = match word {
            Word::Deliver { message, is_own } => self.session.deliver(&message, is_own),
            Word::DeliverShared(message, subscription) => self.session.deliver_shared(&message, &subscription),
            Word::End(reason, detail) => return ControlFlow::Break(End::Expelled(reason, detail.into())),
            Word::Stop(until) => {
                self.answers_until = Some(until);
                return ControlFlow::Break(End::Stopped);
            }
            Word::TakeOver(hand_over) => return ControlFlow::Break(End::TakenOver(hand_over)),
        };
        if is_lost {
            self.bridge.note(Note::Lost);
        }
        ControlFlow::Continue(())
    }

    /// The next moment at which something may be over.
    fn next_look(&self) -> Instant {
        let soon = Instant::now() + LOOK;
        self.silent_until().map_or(soon, |until| until.min(soon))
    }

    /// When the client has been silent for too long: half as long again as agreed on.
    fn silent_until(&self) -> Option<Instant> {
        self.keep_alive.map(|span| self.heard_at + span + span / 2)
    }

    fn look(&mut self) -> ControlFlow<End> {
        if self.line.outbox().stalled_for() > self.bridge.terms().slow_timeout {
            return ControlFlow::Break(End::Expelled(DisconnectReasonCode::QuotaExceeded, "too slow".into()));
        }
        // While we do not read, the client may have spoken.
        let is_silent = self.silent_until().is_some_and(|until| until <= Instant::now());
        if is_silent && self.under_way.is_empty() && self.line.has_room() {
            let detail = "nothing came for one and a half times the keep-alive".into();
            return ControlFlow::Break(End::Expelled(DisconnectReasonCode::KeepAliveTimeout, detail));
        }
        ControlFlow::Continue(())
    }

    fn may_read(&self) -> bool {
        self.answers_until.is_none() && self.working < usize::from(self.bridge.terms().receive_max)
    }

    /// Takes what came, and all that came with it.
    async fn take(&mut self, heard: Heard) -> ControlFlow<End> {
        let mut next = Some(heard);
        let mut flow = ControlFlow::Continue(());
        while let (Some(heard), ControlFlow::Continue(())) = (next.take(), &flow) {
            flow = self.take_one(heard).await;
            next = if self.may_read() { self.line.hear_more() } else { None };
        }
        self.hand_over();
        flow
    }

    /// Hands over the messages that have gathered.
    fn hand_over(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let head = |(publish, weight): (Publish, usize)| {
            let head = (publish.packet_id, publish.qos, publish.dup, weight);
            (publish, head)
        };
        let (gathered, heads): (Vec<_>, Vec<_>) = std::mem::take(&mut self.gathered).into_iter().map(head).unzip();
        let published = self.bridge.publish_all(&self.guest, gathered);
        self.under_way.push_back(Box::pin(async move {
            let results = heads.into_iter().zip(published.await);
            let finished = |((id, qos, is_repeated, weight), result)| Finished { id, qos, is_repeated, weight, result };
            results.map(finished).collect()
        }));
    }

    async fn take_one(&mut self, heard: Heard) -> ControlFlow<End> {
        match heard {
            Heard::Room => ControlFlow::Continue(()),
            Heard::Gone => ControlFlow::Break(End::Lost),
            Heard::Fault(fault) => ControlFlow::Break(End::Expelled(fault.reason(), fault.to_string().into())),
            Heard::Packet(packet) => {
                self.heard_at = Instant::now();
                self.bridge.note(Note::Received);
                self.receive(packet).await
            }
        }
    }
}
