//! What a client sends, packet by packet.

use std::ops::ControlFlow;
use std::time::Duration;

use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{
    Disconnect, DisconnectReasonCode, Packet, PublishAck2, PublishAck2Reason, PublishAckReason, RetainHandling,
    Subscribe, SubscribeAck, SubscribeAckReason, SubscriptionOptions, Unsubscribe, UnsubscribeAck,
    UnsubscribeAckReason,
};
use tokio::time::Instant;

use super::ending::End;
use super::{Connection, Finished};
use crate::mqtt::bridge::{Bridge, Granted, Note};
use crate::mqtt::session::{self, Message, Subscription, digest_of};
use crate::mqtt::topic::{Filter, check_name};
use crate::mqtt::wire::Version;

/// How long all that one packet subscribes to, or no more, may take together; nothing else is heard or said meanwhile.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many filters one SUBSCRIBE may name: each is a question to the house.
const FILTERS_MAX: usize = 256;
/// How many messages of QoS 2 a client of 3.1.1 may leave without PUBREL; it cannot be told a smaller number.
const OLDER_MAX: usize = 4096;

/// What a client is told whose filters take more answers than it takes in one packet.
const TOO_MANY_ANSWERS: &str = "the acknowledgement is larger than you take; name fewer topics at once";

impl<B: Bridge> Connection<B> {
    pub(super) async fn receive(&mut self, packet: Packet) -> ControlFlow<End> {
        if !matches!(packet, Packet::Publish(_)) {
            // It may take long.
            self.hand_over();
        }
        match packet {
            Packet::Publish(publish) => return self.publish(*publish),
            Packet::PublishAck(ack) => {
                self.session.outgoing.acknowledge(ack.packet_id);
            }
            Packet::PublishReceived(ack) => {
                let is_taken =
                    matches!(ack.reason_code, PublishAckReason::Success | PublishAckReason::NoMatchingSubscribers);
                let is_known = self.session.outgoing.receive(ack.packet_id, is_taken);
                if is_taken {
                    self.line.send(Packet::PublishRelease(known_or_not(ack.packet_id, is_known)));
                }
            }
            Packet::PublishRelease(release) => {
                let is_known = self.session.incoming.release(release.packet_id);
                self.line.send(Packet::PublishComplete(known_or_not(release.packet_id, is_known)));
            }
            Packet::PublishComplete(complete) => {
                self.session.outgoing.complete(complete.packet_id);
            }
            Packet::Subscribe(subscribe) => return self.subscribe(subscribe).await,
            Packet::Unsubscribe(unsubscribe) => return self.unsubscribe(unsubscribe).await,
            Packet::PingRequest => {
                self.line.send(Packet::PingResponse);
            }
            Packet::Disconnect(disconnect) => return self.leave(&disconnect),
            _ => return expel(DisconnectReasonCode::ProtocolError, "that packet may not come now"),
        }
        ControlFlow::Continue(())
    }

    fn publish(&mut self, mut publish: Publish) -> ControlFlow<End> {
        let properties = publish.properties.get_or_insert_default();
        if !properties.subscription_ids.is_empty() {
            return expel(DisconnectReasonCode::ProtocolError, "clients do not name subscriptions in a PUBLISH");
        }
        let alias = properties.topic_alias.take();
        if self.taken.resolve(&mut publish.topic, alias).is_err() {
            return expel(DisconnectReasonCode::TopicAliasInvalid, "the alias stands for no topic");
        }
        if let Err(error) = check_name(&publish.topic) {
            return ControlFlow::Break(End::Expelled(DisconnectReasonCode::TopicNameInvalid, error.to_string().into()));
        }
        let most = match self.line.version() {
            Version::V5 => usize::from(self.bridge.terms().receive_max),
            Version::V3 => OLDER_MAX,
        };
        let (id, qos, is_repeated) = (publish.packet_id, publish.qos, publish.dup);
        let taken = self.session.incoming.begin(&publish, digest_of(&publish), most);
        match taken {
            session::Taken::UnderWay => {}
            session::Taken::TooMany => {
                return expel(DisconnectReasonCode::ReceiveMaximumExceeded, "wait for acknowledgements");
            }
            // In its turn, behind those before it.
            session::Taken::Again => {
                self.hand_over();
                self.working += 1;
                let finished = Finished { id, qos, is_repeated, weight: 1, result: Ok(()) };
                self.under_way.push_back(Box::pin(std::future::ready(vec![finished])));
            }
            session::Taken::New => {
                let weight = self.bridge.weigh(&publish);
                self.working += weight;
                self.gathered.push((publish, weight));
            }
        }
        ControlFlow::Continue(())
    }

    async fn subscribe(&mut self, subscribe: Subscribe) -> ControlFlow<End> {
        let Subscribe { packet_id, id, topic_filters, .. } = subscribe;
        if topic_filters.len() > FILTERS_MAX {
            return expel(DisconnectReasonCode::QuotaExceeded, "name at most 256 topics in one SUBSCRIBE");
        }
        let (mut status, mut kept) = (Vec::with_capacity(topic_filters.len()), Vec::new());
        let until = Instant::now() + SUBSCRIBE_TIMEOUT;
        for (text, options) in topic_filters {
            let filter = match Filter::read(&text) {
                Ok(filter) if filter.group().is_some() && options.no_local => {
                    return expel(DisconnectReasonCode::ProtocolError, "a shared subscription hears its own messages");
                }
                Ok(filter) => filter,
                Err(_) => {
                    status.push(SubscribeAckReason::TopicFilterInvalid);
                    continue;
                }
            };
            status.push(match self.listen(Subscription { filter, options, id }, until).await {
                Ok((subscription, found)) => {
                    let granted = granted(subscription.options);
                    kept.extend(found.into_iter().map(|message| (message, subscription.clone())));
                    granted
                }
                Err(reason) => {
                    self.bridge.note(Note::NotGranted(reason));
                    reason
                }
            });
        }
        let (properties, reason_string) = (Vec::new(), None);
        if !self.line.send(Packet::SubscribeAck(SubscribeAck { packet_id, properties, reason_string, status })) {
            return expel(DisconnectReasonCode::PacketTooLarge, TOO_MANY_ANSWERS);
        }
        for (message, subscription) in kept {
            if self.session.deliver_retained(message, &subscription) {
                self.bridge.note(Note::Lost);
            }
        }
        ControlFlow::Continue(())
    }

    /// Adds a subscription, as it was granted, and finds what was kept for it.
    async fn listen(
        &mut self,
        mut subscription: Subscription,
        until: Instant,
    ) -> Result<(Subscription, Vec<Message>), SubscribeAckReason> {
        let is_shared = subscription.filter.group().is_some();
        if is_shared && !self.bridge.terms().shares_subscriptions {
            return Err(SubscribeAckReason::SharedSubscriptionNotSupported);
        }
        if self.session.subscriptions.is_full(&subscription.filter) {
            return Err(SubscribeAckReason::QuotaExceeded);
        }
        let is_new = !self.session.subscriptions.has(&subscription.filter);
        let asked = self.bridge.subscribe(&self.guest, &subscription, is_new);
        let answered = tokio::time::timeout_at(until, asked).await;
        let Granted { qos, mut kept } = answered.unwrap_or(Err(SubscribeAckReason::UnspecifiedError))?;
        subscription.options.qos = subscription.options.qos.less_value(qos);
        self.session.subscriptions.add(subscription.clone());
        let wants_kept = match subscription.options.retain_handling {
            RetainHandling::AtSubscribe => true,
            RetainHandling::AtSubscribeNew => is_new,
            RetainHandling::NoAtSubscribe => false,
        };
        if is_shared || !wants_kept {
            kept.clear();
        }
        Ok((subscription, kept))
    }

    async fn unsubscribe(&mut self, unsubscribe: Unsubscribe) -> ControlFlow<End> {
        let Unsubscribe { packet_id, topic_filters, .. } = unsubscribe;
        let mut status = Vec::with_capacity(topic_filters.len());
        let until = Instant::now() + SUBSCRIBE_TIMEOUT;
        for text in &topic_filters {
            let is_known = self.session.subscriptions.remove(text);
            if is_known {
                let told = self.bridge.unsubscribe(&self.guest, text);
                // Who does not answer hears nothing more for this client either: its subscription is gone.
                let _ = tokio::time::timeout_at(until, told).await;
            }
            status.push(if is_known {
                UnsubscribeAckReason::Success
            } else if text.parse::<Filter>().is_ok() {
                UnsubscribeAckReason::NoSubscriptionExisted
            } else {
                UnsubscribeAckReason::TopicFilterInvalid
            });
        }
        let (properties, reason_string) = (Vec::new(), None);
        if !self.line.send(Packet::UnsubscribeAck(UnsubscribeAck { packet_id, properties, reason_string, status })) {
            return expel(DisconnectReasonCode::PacketTooLarge, TOO_MANY_ANSWERS);
        }
        ControlFlow::Continue(())
    }

    fn leave(&mut self, disconnect: &Disconnect) -> ControlFlow<End> {
        if let Some(expiry) = disconnect.session_expiry_interval_secs {
            if self.expiry == 0 && expiry > 0 {
                return expel(DisconnectReasonCode::ProtocolError, "the session was to end with the connection");
            }
            self.expiry = expiry.min(self.bridge.terms().max_session_expiry);
        }
        let wants_will = disconnect.reason_code != DisconnectReasonCode::NormalDisconnection;
        ControlFlow::Break(if wants_will { End::LeftWithWill } else { End::Left })
    }
}

fn known_or_not(packet_id: std::num::NonZeroU16, is_known: bool) -> PublishAck2 {
    let reason_code = if is_known { PublishAck2Reason::Success } else { PublishAck2Reason::PacketIdNotFound };
    PublishAck2 { packet_id, reason_code, ..PublishAck2::default() }
}

const fn granted(options: SubscriptionOptions) -> SubscribeAckReason {
    match options.qos {
        QoS::AtMostOnce => SubscribeAckReason::GrantedQos0,
        QoS::AtLeastOnce => SubscribeAckReason::GrantedQos1,
        QoS::ExactlyOnce => SubscribeAckReason::GrantedQos2,
    }
}

fn expel(reason: DisconnectReasonCode, detail: &'static str) -> ControlFlow<End> {
    ControlFlow::Break(End::Expelled(reason, detail.into()))
}
