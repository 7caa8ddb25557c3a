//! One connected client: what it sends, what it is sent, and how it ends.

use std::borrow::Cow;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesOrdered;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{Disconnect, DisconnectReasonCode, LastWill, Packet, PublishProperties};
use tokio::sync::{mpsc, oneshot};

use super::aliases::{Given, Taken};
use super::bridge::{Bridge, Note, Refused, Word};
use super::gate::{self, Entered};
use super::line::{Heard, Line};
use super::places::Stay;
use super::session::Session;
use super::wire::Version;
use crate::pipe::{GONE, TOO_SLOW};

mod acks;
mod receive;

/// How long what is under way may take when the connection is gone.
const SETTLE: Duration = Duration::from_secs(5);
/// How often a will that waits looks whether its client is back.
const STEP: Duration = Duration::from_secs(5);
/// What any other end is counted by.
const NORMAL: u16 = 1000;
/// How often a connection that is never silent too long is looked at.
const LOOK: Duration = Duration::from_secs(15);
/// How soon one is looked at again that is silent too long, but not to be ended yet.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Serves one connection to its end.
pub async fn serve<B: Bridge>(bridge: Rc<B>, mut line: Line, from: IpAddr) {
    match gate::enter(&*bridge, &mut line, from).await {
        Some(entered) => {
            let mut connection = Connection::new(bridge, line, entered);
            let end = connection.run().await;
            connection.finish(end).await;
        }
        None => line.close(None, NORMAL).await,
    }
}

/// How a connection ends.
enum End {
    /// The client said goodbye.
    Left,
    /// The client said goodbye, and wants its will published.
    LeftWithWill,
    /// The connection broke, or somebody else in the house ended it.
    Lost,
    /// The hub ends it.
    Expelled(DisconnectReasonCode, Cow<'static, str>),
    /// A newer connection takes over.
    TakenOver(oneshot::Sender<Option<Session>>),
}

impl End {
    /// The code by which it is counted, unless the connection broke before.
    const fn counted(&self) -> u16 {
        match self {
            Self::Expelled(DisconnectReasonCode::QuotaExceeded, _) => TOO_SLOW,
            Self::Expelled(DisconnectReasonCode::KeepAliveTimeout, _) => GONE,
            _ => NORMAL,
        }
    }
}

/// What has become of a message of the client.
struct Finished {
    /// Its number; none for QoS 0.
    id: Option<NonZeroU16>,
    qos: QoS,
    result: Result<(), Refused>,
}

/// A connected client.
///
/// Invariant: acknowledgements go out in the order of their messages; at most `receive_max` messages are under way, and
/// while as many are, nothing is read.
struct Connection<B: Bridge> {
    bridge: Rc<B>,
    guest: B::Guest,
    line: Line,
    stay: Stay,
    session: Session,
    words: mpsc::Receiver<Word>,
    under_way: FuturesOrdered<LocalBoxFuture<'static, Finished>>,
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
            under_way: FuturesOrdered::new(),
            will,
            expiry,
            keep_alive,
            heard_at: Instant::now(),
            taken,
            given: Given::new(topic_aliases),
        }
    }

    async fn run(&mut self) -> End {
        let look = tokio::time::sleep_until(self.next_look().into());
        tokio::pin!(look);
        loop {
            self.send_waiting();
            let may_read = self.under_way.len() < usize::from(self.bridge.terms().receive_max);
            let flow = tokio::select! {
                biased;
                Some(word) = self.words.recv() => self.obey(word),
                Some(finished) = self.under_way.next(), if !self.under_way.is_empty() => self.answer(finished),
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
            let (id, qos, topic) = (publish.packet_id, publish.qos, publish.topic.clone());
            self.given.shorten(&mut publish);
            if !self.line.send(Packet::Publish(publish)) {
                // Too long for this client, for which it counts as done (MQTT 5, 3.1.2.11.4).
                self.given.forget(&topic);
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

    async fn take(&mut self, heard: Heard) -> ControlFlow<End> {
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

    /// Ends the connection: the client is told, what is under way settles, the session waits or is handed over.
    async fn finish(mut self, end: End) {
        self.bridge.close(&self.guest, matches!(end, End::TakenOver(_)));
        let counted = end.counted();
        let Ending { last, publishes_will, hand_over } = self.read_end(end);
        let closing = actix_rt::spawn(self.line.close(last, counted));
        settle(&mut self.under_way, &mut self.session).await;
        self.session.part();
        let will = self.will.take().filter(|_| publishes_will);
        let expiry = Duration::from_secs(self.expiry.into());
        let delay = will.as_ref().and_then(|will| will.will_delay_interval_sec).unwrap_or(0);
        let delay = Duration::from_secs(delay.into()).min(expiry);
        let after = After { bridge: self.bridge, guest: self.guest, stay: self.stay };
        if let Some(will) = will.clone().filter(|_| delay.is_zero()) {
            after.publish(will).await;
        }
        match (hand_over, will.filter(|_| !delay.is_zero())) {
            // Who asked may have given up. The client is back: a delayed will is not published.
            (Some(hand_over), _) => drop(hand_over.send((!expiry.is_zero()).then_some(self.session))),
            (None, will) => {
                if let Some(session) = after.bridge.places().leave(&after.stay, self.session, expiry) {
                    hand_over_late(self.words, Some(session).filter(|_| !expiry.is_zero())).await;
                }
                if let Some(will) = will {
                    actix_rt::spawn(after.publish_later(will, delay));
                }
            }
        }
        // A hub that stops waits for the last words; whoever panicked has said so in the log.
        let _ = closing.await;
    }

    /// What an end means; only clients of version 5 can be told why.
    fn read_end(&self, end: End) -> Ending {
        let (told, publishes_will, hand_over) = match end {
            End::Left => (None, false, None),
            End::LeftWithWill | End::Lost => (None, true, None),
            End::Expelled(reason, detail) => {
                (Some((reason, detail)), reason != DisconnectReasonCode::ServerShuttingDown, None)
            }
            End::TakenOver(hand_over) => {
                let told = (DisconnectReasonCode::SessionTakenOver, "a newer connection took over".into());
                (Some(told), true, Some(hand_over))
            }
        };
        if let Some((reason, _)) = &told {
            self.bridge.note(Note::Ended(*reason));
        }
        let told = told.filter(|_| self.line.version() == Version::V5);
        Ending { last: told.map(|(reason, detail)| goodbye(reason, &detail)), publishes_will, hand_over }
    }
}

/// What is to be done at an end.
struct Ending {
    /// What the client is told.
    last: Option<Packet>,
    publishes_will: bool,
    /// Who takes over.
    hand_over: Option<oneshot::Sender<Option<Session>>>,
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

/// Waits for what is under way, so that the session knows what was taken.
async fn settle(under_way: &mut FuturesOrdered<LocalBoxFuture<'static, Finished>>, session: &mut Session) {
    let settled = async {
        while let Some(Finished { id, qos, result }) = under_way.next().await {
            if let Some(id) = id {
                session.incoming.finish(id, qos, acks::is_taken(&result));
            }
        }
    };
    // What takes longer comes again, and is taken back before it does.
    let _ = tokio::time::timeout(SETTLE, settled).await;
    under_way.clear();
}

fn goodbye(reason_code: DisconnectReasonCode, detail: &str) -> Packet {
    Packet::Disconnect(Disconnect { reason_code, reason_string: Some(detail.into()), ..Disconnect::default() })
}

/// What is left of a client whose connection is gone.
struct After<B: Bridge> {
    bridge: Rc<B>,
    guest: B::Guest,
    stay: Stay,
}

impl<B: Bridge> After<B> {
    /// Publishes the will after its delay, unless the client comes back before.
    async fn publish_later(self, will: LastWill, delay: Duration) {
        let due = Instant::now() + delay;
        while Instant::now() < due {
            // In steps, so that a client that comes and goes leaves nothing behind that sleeps for long.
            tokio::time::sleep(due.saturating_duration_since(Instant::now()).min(STEP)).await;
            if !self.bridge.places().is_away(&self.stay) {
                return;
            }
        }
        self.publish(will).await;
    }

    async fn publish(&self, will: LastWill) {
        let published = self.bridge.publish(&self.guest, published_of(will));
        if let Ok(Err(refused)) = tokio::time::timeout(SETTLE, published).await {
            self.bridge.note(Note::NotTaken(refused.reason));
        }
    }
}

fn published_of(will: LastWill) -> Publish {
    Publish {
        dup: false,
        retain: will.retain,
        qos: will.qos,
        topic: will.topic,
        packet_id: None,
        payload: will.message,
        properties: Some(PublishProperties {
            correlation_data: will.correlation_data,
            message_expiry_interval: will.message_expiry_interval,
            content_type: will.content_type,
            user_properties: will.user_properties,
            is_utf8_payload: will.is_utf8_payload.unwrap_or_default(),
            response_topic: will.response_topic,
            ..PublishProperties::default()
        }),
    }
}
