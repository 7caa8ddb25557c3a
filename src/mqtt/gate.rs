//! How a connection begins: CONNECT, who that is, CONNACK.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use bytestring::ByteString;
use rmqtt_codec::v5::{Connect, ConnectAck, ConnectAckReason, LastWill, Packet};
use tokio::sync::mpsc;

use super::bridge::{Arrived, Bridge, Note, Opened, Refusal, Terms, Word};
use super::line::{Heard, Line};
use super::places::{Entry, Stay};
use super::session::Session;
use super::topic::check_name;
use super::wire::{Fault, Version, words};

/// How long it may take to find out who somebody is.
pub const ADMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Words that may wait for a connection.
const WORDS_MAX: usize = 256;
/// The longest client id, in bytes; the hub remembers them.
const CLIENT_ID_MAX: usize = 256;

/// A client that is in.
pub struct Entered<G> {
    /// Who.
    pub guest: G,
    /// Its stay.
    pub stay: Stay,
    /// What is remembered of it.
    pub session: Session,
    /// What is said to it.
    pub words: mpsc::Receiver<Word>,
    /// What is published when it is lost.
    pub will: Option<LastWill>,
    /// How long it may be silent, as agreed on; none for ever.
    pub keep_alive: Option<Duration>,
    /// How long its session outlives the connection, in seconds.
    pub expiry: u32,
    /// How many topics it lets us give a number.
    pub topic_aliases: u16,
}

/// Lets a client in; none if it may not, and has been told so.
pub async fn enter<B: Bridge>(bridge: &B, line: &mut Line, from: IpAddr) -> Option<Entered<B::Guest>> {
    let heard = tokio::time::timeout(bridge.terms().connect_timeout, line.hear(true)).await;
    let connect = match heard {
        Ok(Heard::Packet(Packet::Connect(connect))) => connect,
        Ok(Heard::Fault(fault)) => {
            if let Some(refusal) = refusal_of(fault) {
                refuse(bridge, line, refusal);
            }
            return None;
        }
        _ => return None,
    };
    bridge.note(Note::Received);
    line.agree_on(bridge.terms().max_packet, connect.max_packet_size.map(std::num::NonZeroU32::get));
    match admit(bridge, line, *connect, from).await {
        Ok(entered) => Some(entered),
        Err(refusal) => {
            refuse(bridge, line, refusal);
            None
        }
    }
}

async fn admit<B: Bridge>(
    bridge: &B,
    line: &mut Line,
    connect: Connect,
    from: IpAddr,
) -> Result<Entered<B::Guest>, Refusal> {
    check(&connect)?;
    let admitted = tokio::time::timeout(ADMIT_TIMEOUT, bridge.admit(&connect, from)).await;
    let Arrived { mut guest, owner, is_remembered } = admitted.unwrap_or_else(|_| Err(busy()))?;
    let (speak, words) = mpsc::channel(WORDS_MAX);
    let client_id = if connect.client_id.is_empty() { assigned() } else { connect.client_id.clone() };
    let terms = bridge.terms();
    let expiry = if is_remembered { connect.session_expiry_interval_secs.min(terms.max_session_expiry) } else { 0 };
    let keep_alive = keep_alive_of(&connect, line.version(), terms.max_keep_alive);
    let accepted = acceptance(terms, &connect, (&client_id, expiry, keep_alive));
    // Before anybody hears of the client: it could not keep to terms that it is not told.
    if !line.takes(&Packet::ConnectAck(Box::new(accepted.clone()))) {
        return Err(Refusal::new(ConnectAckReason::PacketTooLarge, "take packets of 64 bytes at least"));
    }
    let entry = Entry { owner, client_id: &client_id, is_clean: connect.clean_start, words: speak.clone() };
    let (stay, session) = bridge.places().enter(entry).await;
    let opened = Opened { words: &speak, outbox: line.outbox(), version: line.version() };
    let is_open = tokio::time::timeout(ADMIT_TIMEOUT, bridge.open(&mut guest, opened)).await;
    if let Err(refusal) = is_open.unwrap_or_else(|_| Err(busy())) {
        // What is remembered of the client is so when it comes again, also by a connection that has its place by now.
        drop(speak);
        let kept = if session.is_some() { expiry } else { 0 };
        let session = session.unwrap_or_else(|| Session::new(terms.session));
        bridge.places().give_back(&stay, words, session, Duration::from_secs(kept.into())).await;
        return Err(refusal);
    }
    // The client may have been shut out while it came in; then the answer goes nowhere.
    line.send(Packet::ConnectAck(Box::new(ConnectAck { session_present: session.is_some(), ..accepted })));
    let mut session = session.unwrap_or_else(|| Session::new(terms.session));
    session.incoming.agree_on(terms.receive_max);
    session.outgoing.agree_on(connect.receive_max.map_or(u16::MAX, NonZeroU16::get));
    let keep_alive = keep_alive.map(|seconds| Duration::from_secs(seconds.into()));
    let (will, topic_aliases) = (connect.last_will, connect.topic_alias_max);
    Ok(Entered { guest, stay, session, words, will, keep_alive, expiry, topic_aliases })
}

/// What a client is told that may come in, under which name, for how long its session lasts and how long it may be silent.
fn acceptance(
    terms: &Terms,
    connect: &Connect,
    (client_id, expiry, keep_alive): (&ByteString, u32, Option<u16>),
) -> ConnectAck {
    ConnectAck {
        session_expiry_interval_secs: (expiry != connect.session_expiry_interval_secs).then_some(expiry),
        receive_max: NonZeroU16::new(terms.receive_max).unwrap_or(NonZeroU16::MIN),
        max_packet_size: Some(terms.max_packet),
        assigned_client_id: connect.client_id.is_empty().then(|| client_id.clone()),
        topic_alias_max: terms.topic_aliases,
        shared_subscription_available: terms.shares_subscriptions,
        server_keepalive_sec: keep_alive.filter(|agreed| *agreed != connect.keep_alive),
        ..ConnectAck::default()
    }
}

fn check(connect: &Connect) -> Result<(), Refusal> {
    if connect.auth_method.is_some() {
        let detail = "use a user name and a password";
        return Err(Refusal::new(ConnectAckReason::BadAuthenticationMethod, detail));
    }
    if connect.client_id.len() > CLIENT_ID_MAX || connect.client_id.contains('\0') {
        let detail = "use a client id of at most 256 bytes";
        return Err(Refusal::new(ConnectAckReason::ClientIdentifierNotValid, detail));
    }
    match connect.last_will.as_ref().map(|will| check_name(&will.topic)) {
        Some(Err(error)) => Err(Refusal::new(ConnectAckReason::TopicNameInvalid, error.to_string())),
        _ => Ok(()),
    }
}

/// The keep-alive in seconds; a client of 3.1.1 cannot be told another one than it wants.
fn keep_alive_of(connect: &Connect, version: Version, longest: u16) -> Option<u16> {
    match (version, connect.keep_alive) {
        (Version::V3, 0) => None,
        (Version::V3, wanted) => Some(wanted),
        (Version::V5, 0) => Some(longest),
        (Version::V5, wanted) => Some(wanted.min(longest)),
    }
}

fn assigned() -> ByteString {
    format!("auto-{}", uuid::Uuid::now_v7().simple()).into()
}

fn busy() -> Refusal {
    Refusal::new(ConnectAckReason::ServerBusy, "the hub is busy; connect again in a moment")
}

fn refusal_of(fault: Fault) -> Option<Refusal> {
    let reason = match fault {
        Fault::NotMqtt => return None,
        Fault::Version => ConnectAckReason::UnsupportedProtocolVersion,
        Fault::ClientId => ConnectAckReason::ClientIdentifierNotValid,
        Fault::TooLarge => ConnectAckReason::PacketTooLarge,
        Fault::Malformed => ConnectAckReason::MalformedPacket,
        Fault::Protocol => ConnectAckReason::ProtocolError,
    };
    Some(Refusal::new(reason, fault.to_string()))
}

fn refuse<B: Bridge>(bridge: &B, line: &mut Line, refusal: Refusal) {
    bridge.note(Note::Refused(refusal.reason));
    // Who takes not even that much without its words is told nothing.
    line.send(Packet::ConnectAck(Box::new(ConnectAck {
        reason_code: refusal.reason,
        reason_string: Some(words(&refusal.detail)),
        ..ConnectAck::default()
    })));
}
