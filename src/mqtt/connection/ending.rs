//! How a connection ends, and what is left of it then: its session, its will.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{Disconnect, DisconnectReasonCode, LastWill, Packet, PublishProperties};
use tokio::sync::oneshot;

use super::{Connection, NORMAL, UnderWay, acks};
use crate::mqtt::bridge::{Bridge, Note};
use crate::mqtt::places::{SETTLE, Stay};
use crate::mqtt::session::Session;
use crate::mqtt::wire::{Version, words};
use crate::pipe::{GONE, TOO_SLOW};

/// How often a will that waits looks whether its client is back.
const STEP: Duration = Duration::from_secs(5);
/// How long those may take to answer who have been told that nobody waits any more.
const LAST_LOOK: Duration = Duration::from_millis(500);

/// How a connection ends.
pub(super) enum End {
    /// The client said goodbye.
    Left,
    /// The client said goodbye, and wants its will published.
    LeftWithWill,
    /// The connection broke, or somebody else in the house ended it.
    Lost,
    /// The hub ends it.
    Expelled(DisconnectReasonCode, Cow<'static, str>),
    /// The hub stops.
    Stopped,
    /// A newer connection takes over.
    TakenOver(oneshot::Sender<Option<Session>>),
}

impl End {
    /// The code by which it is counted, unless the connection broke before.
    pub(super) const fn counted(&self) -> u16 {
        match self {
            Self::Expelled(DisconnectReasonCode::QuotaExceeded, _) => TOO_SLOW,
            Self::Expelled(DisconnectReasonCode::KeepAliveTimeout, _) => GONE,
            _ => NORMAL,
        }
    }
}

impl<B: Bridge> Connection<B> {
    /// Ends the connection: the client is told, what is under way settles, the session waits or is handed over.
    pub(super) async fn finish(mut self, end: End) {
        self.bridge.close(&self.guest, matches!(end, End::TakenOver(_)));
        let counted = end.counted();
        let Ending { last, publishes_will, hand_over } = self.read_end(end);
        let closing = actix_rt::spawn(self.line.close(last, counted));
        settle(&mut self.under_way, &mut self.session, || self.bridge.give_up(&self.guest)).await;
        self.session.part();
        let will = self.will.take().filter(|_| publishes_will);
        let expiry = Duration::from_secs(self.expiry.into());
        let delay = will.as_ref().and_then(|will| will.will_delay_interval_sec).unwrap_or(0);
        let delay = Duration::from_secs(delay.into()).min(expiry);
        let after = After { bridge: self.bridge, guest: self.guest, stay: self.stay };
        let (is_taken_over, is_delayed) = (hand_over.is_some(), !delay.is_zero());
        let hand_on = async {
            let Some(hand_over) = hand_over else {
                return after.bridge.places().give_back(&after.stay, self.words, self.session, expiry).await;
            };
            // Who asked may have given up.
            drop(hand_over.send((!expiry.is_zero()).then_some(self.session)));
        };
        // The will goes first, before all that the client says when it is back, but no session waits until it is stored.
        join(after.publish_now(will.clone().filter(|_| !is_delayed)), hand_on).await;
        // The client is back where another connection took over: a delayed will is not published.
        if let Some(will) = will.filter(|_| is_delayed && !is_taken_over) {
            actix_rt::spawn(after.publish_later(will, delay));
        }
        // A hub that stops waits for the last words; whoever panicked has said so in the log.
        let _ = closing.await;
    }

    /// What an end means; only clients of version 5 can be told why.
    fn read_end(&self, end: End) -> Ending {
        let (told, publishes_will, hand_over) = match end {
            End::Left => (None, false, None),
            End::LeftWithWill | End::Lost => (None, true, None),
            End::Expelled(reason, detail) => (Some((reason, detail)), true, None),
            End::Stopped => {
                let told = (DisconnectReasonCode::ServerShuttingDown, "the hub restarts; connect again".into());
                (Some(told), false, None)
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

/// Waits for what is under way, so that the session knows what was taken.
async fn settle(under_way: &mut UnderWay, session: &mut Session, give_up: impl FnOnce()) {
    if tokio::time::timeout(SETTLE, settle_all(under_way, session)).await.is_err() {
        // What takes longer comes again, and is taken back before it does; what can no longer be is known to be so.
        give_up();
        let _ = tokio::time::timeout(LAST_LOOK, settle_all(under_way, session)).await;
        under_way.clear();
    }
}

async fn settle_all(under_way: &mut UnderWay, session: &mut Session) {
    while let Some(finished) = under_way.next().await {
        finished.iter().for_each(|one| acks::remember(session, one));
    }
}

fn goodbye(reason_code: DisconnectReasonCode, detail: &str) -> Packet {
    Packet::Disconnect(Disconnect { reason_code, reason_string: Some(words(detail)), ..Disconnect::default() })
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

    async fn publish_now(&self, will: Option<LastWill>) {
        if let Some(will) = will {
            self.publish(will).await;
        }
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
