//! What a client is answered to its messages.

use std::num::NonZeroU16;
use std::ops::ControlFlow;

use rmqtt_codec::types::QoS;
use rmqtt_codec::v5::{Packet, PublishAck, PublishAckReason, ToReasonCode};

use super::ending::End;
use super::{Connection, Finished};
use crate::mqtt::bridge::{Bridge, Note, Refused};
use crate::mqtt::session::Session;
use crate::mqtt::wire::{Version, words};

impl<B: Bridge> Connection<B> {
    /// Answers messages that came together.
    pub(super) fn answer_all(&mut self, finished: Vec<Finished>) -> ControlFlow<End> {
        self.working -= finished.iter().map(|one| one.weight).sum::<usize>();
        let mut finished = finished.into_iter();
        let flow = finished.by_ref().try_for_each(|one| self.answer(one));
        // Where that was the end of the connection, what came with it was taken or not all the same.
        finished.for_each(|one| remember(&mut self.session, &one));
        flow
    }

    /// Answers a message that was taken, or not.
    fn answer(&mut self, finished: Finished) -> ControlFlow<End> {
        let Finished { id, qos, is_repeated, result, .. } = finished;
        let is_dropped = is_repeated && self.line.version() == Version::V3 && is_hopeless(&result);
        if let Some(id) = id {
            // A client of 3.1.1 is told by the end of the connection, and comes again with the same number.
            let is_kept = self.line.version() == Version::V3 && is_in_doubt(qos, &result);
            self.session.incoming.finish(id, qos, is_dropped || is_kept || is_taken(&result));
        }
        match (result, id) {
            (Ok(()), Some(id)) => self.acknowledge(id, qos, None),
            (Ok(()), None) => {}
            // Taken, though nobody waited for it: that is no fault.
            (Err(refused), id) if refused.reason == PublishAckReason::NoMatchingSubscribers => {
                if let Some(id) = id {
                    self.acknowledge(id, qos, Some(&refused));
                }
            }
            (Err(refused), id) => {
                self.bridge.note(Note::NotTaken(refused.reason));
                match id {
                    Some(id) if self.line.version() == Version::V5 => self.acknowledge(id, qos, Some(&refused)),
                    // It was told by the end of a connection. It would stand before all that waits behind it for ever.
                    Some(id) if is_dropped => self.acknowledge(id, qos, None),
                    // A client of 3.1.1 can be told nothing but that its message was taken, which it was not.
                    Some(_) => return expel(refused),
                    None if refused.is_grave => return expel(refused),
                    None => {}
                }
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn acknowledge(&mut self, packet_id: NonZeroU16, qos: QoS, refused: Option<&Refused>) {
        let ack = PublishAck {
            packet_id,
            reason_code: refused.map_or(PublishAckReason::Success, |refused| refused.reason),
            reason_string: refused.map(|refused| words(&refused.detail)),
            ..PublishAck::default()
        };
        // Without words it is short enough for everybody who was let in.
        self.line.send(if qos == QoS::ExactlyOnce { Packet::PublishReceived(ack) } else { Packet::PublishAck(ack) });
    }
}

fn expel(refused: Refused) -> ControlFlow<End> {
    ControlFlow::Break(End::Expelled(refused.reason.to_reason_code(), refused.detail))
}

/// What is not answered any more is remembered, so that it is taken once when it comes again.
pub fn remember(session: &mut Session, Finished { id, qos, result, .. }: &Finished) {
    if let Some(id) = *id {
        session.incoming.finish(id, *qos, is_taken(result) || is_in_doubt(*qos, result));
    }
}

/// Whether a message can never be taken, however often it comes.
fn is_hopeless(result: &Result<(), Refused>) -> bool {
    let refused = result.as_ref().err();
    refused.is_some_and(|refused| !refused.is_grave && refused.reason == PublishAckReason::PayloadFormatInvalid)
}

/// Whether a message of QoS 2 was being stored when nobody waited any more: it may be there, and taken twice it must not be.
fn is_in_doubt(qos: QoS, result: &Result<(), Refused>) -> bool {
    let refused = result.as_ref().err();
    qos == QoS::ExactlyOnce && refused.is_some_and(|refused| refused.reason == PublishAckReason::UnspecifiedError)
}

/// Whether a message need not come again.
fn is_taken(result: &Result<(), Refused>) -> bool {
    result.as_ref().err().is_none_or(|refused| refused.reason == PublishAckReason::NoMatchingSubscribers)
}
