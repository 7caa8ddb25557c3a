//! A house that is slow at bad moments, behind connections of MQTT whose session lasts.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use carillon::mqtt::bridge::{Arrived, Bridge, Granted, Note, Opened, Refusal, Refused, Terms, Word, Words};
use carillon::mqtt::line::Line;
use carillon::mqtt::places::Places;
use carillon::mqtt::serve_connection;
use carillon::mqtt::session::{SessionBounds, Subscription};
use carillon::pipe::{Flusher, Outbox, OutboxOptions};
use futures_util::future::LocalBoxFuture;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{
    Connect, ConnectAck, ConnectAckReason, DisconnectReasonCode, Packet, PublishAck, PublishAckReason,
    SubscribeAckReason,
};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::client::{TestClient, connect, publish};

const OPTIONS: OutboxOptions = OutboxOptions { high_water: 1 << 20, low_water: 1 << 16 };

/// Remembers everybody.
struct House {
    terms: Terms,
    places: Places,
    /// Whether it opens to nobody.
    is_shut: Cell<bool>,
    /// Whether what is published is being stored for ever.
    hangs: Cell<bool>,
    given_up: Rc<Notify>,
    /// Ends all storing that hangs well.
    stored: Rc<Notify>,
    /// How to speak to the newest connection.
    words: RefCell<Option<Words>>,
    taken: Cell<usize>,
}

impl Bridge for House {
    type Guest = ();

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn places(&self) -> &Places {
        &self.places
    }

    async fn admit(&self, _: &Connect, _: IpAddr) -> Result<Arrived<()>, Refusal> {
        Ok(Arrived { guest: (), owner: "one".to_owned(), is_remembered: true })
    }

    async fn open(&self, (): &mut (), opened: Opened<'_>) -> Result<(), Refusal> {
        self.words.replace(Some(opened.words.clone()));
        if self.is_shut.get() {
            return std::future::pending().await;
        }
        Ok(())
    }

    fn publish(&self, (): &(), _: Publish) -> LocalBoxFuture<'static, Result<(), Refused>> {
        self.taken.set(self.taken.get() + 1);
        let (hangs, given_up, stored) = (self.hangs.get(), Rc::clone(&self.given_up), Rc::clone(&self.stored));
        Box::pin(async move {
            if !hangs {
                return Ok(());
            }
            tokio::select! {
                () = stored.notified() => return Ok(()),
                () = given_up.notified() => {}
            }
            Err(Refused { reason: PublishAckReason::UnspecifiedError, detail: "nobody knows".into(), is_grave: false })
        })
    }

    fn give_up(&self, (): &()) {
        self.given_up.notify_waiters();
    }

    async fn subscribe(&self, (): &(), _: &Subscription, _: bool) -> Result<Granted, SubscribeAckReason> {
        Err(SubscribeAckReason::NotAuthorized)
    }

    async fn unsubscribe(&self, (): &(), _: &str) {}

    fn close(&self, (): &(), _: bool) {}

    fn note(&self, _: Note) {}
}

/// Serves connections until the test ends.
async fn serve() -> (Rc<House>, SocketAddr) {
    let terms = Terms {
        connect_timeout: Duration::from_secs(60),
        slow_timeout: Duration::from_secs(60),
        max_packet: 60_000,
        receive_max: 20,
        max_keep_alive: 600,
        max_session_expiry: 600,
        topic_aliases: 0,
        shares_subscriptions: false,
        session: SessionBounds { queued: 10, subscriptions: 100 },
    };
    let house = Rc::new(House {
        terms,
        places: Places::new(10),
        is_shut: Cell::default(),
        hangs: Cell::default(),
        given_up: Rc::default(),
        stored: Rc::default(),
        words: RefCell::default(),
        taken: Cell::default(),
    });
    let flusher = Flusher::start(Duration::ZERO, |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let serving = Rc::clone(&house);
    actix_rt::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let outbox = Outbox::of_mqtt(stream.into(), false, flusher.clone(), OPTIONS);
            actix_rt::spawn(serve_connection(Rc::clone(&serving), Line::new(outbox), peer.ip(), ()));
        }
    });
    (house, address)
}

/// A client whose session outlives its connection.
async fn remembered(at: SocketAddr) -> (TestClient, ConnectAck) {
    let client_id = "one".into();
    let lasting =
        Connect { clean_start: false, client_id, session_expiry_interval_secs: 600, ..connect("one", "password") };
    TestClient::enter(at, lasting).await
}

async fn send(client: &mut TestClient, qos: QoS, id: u16, dup: bool) {
    let message = Publish { dup, ..publish("t", &id.to_string(), qos, id) };
    client.send(Packet::Publish(Box::new(message))).await;
}

fn is_good(ack: &PublishAck, id: u16) -> bool {
    ack.packet_id.get() == id && ack.reason_code == PublishAckReason::Success
}

/// Sends a message of each quality; both are acknowledged.
async fn send_both(client: &mut TestClient, dup: bool) {
    send(client, QoS::ExactlyOnce, 1, dup).await;
    let answer = client.next().await;
    assert!(matches!(&answer, Some(Packet::PublishReceived(ack)) if is_good(ack, 1)), "{answer:?}");
    send(client, QoS::AtLeastOnce, 2, dup).await;
    let answer = client.next().await;
    assert!(matches!(&answer, Some(Packet::PublishAck(ack)) if is_good(ack, 2)), "{answer:?}");
}

#[actix::test]
async fn a_session_outlives_a_connection_that_the_house_does_not_open_in_time() {
    let (house, address) = serve().await;
    let (mut client, _) = remembered(address).await;
    send_both(&mut client, false).await;
    tokio::time::pause();
    drop(client);

    house.is_shut.set(true);
    let (_, refused) = remembered(address).await;
    assert_eq!(refused.reason_code, ConnectAckReason::ServerBusy);
    house.is_shut.set(false);

    let (mut client, ack) = remembered(address).await;
    assert!(ack.session_present, "{ack:?}");
    send_both(&mut client, true).await;
    assert_eq!(house.taken.get(), 2, "a repeated message is taken again");
}

#[actix::test]
async fn a_message_of_qos_2_that_was_being_stored_when_its_connection_ended_is_taken_once() {
    let (house, address) = serve().await;
    let (mut client, _) = remembered(address).await;
    house.hangs.set(true);
    send(&mut client, QoS::ExactlyOnce, 1, false).await;
    send(&mut client, QoS::AtLeastOnce, 2, false).await;
    client.ping().await;
    assert_eq!(house.taken.get(), 2);
    tokio::time::pause();
    drop(client);
    house.hangs.set(false);

    let (mut client, ack) = remembered(address).await;
    assert!(ack.session_present, "{ack:?}");
    send_both(&mut client, true).await;
    assert_eq!(house.taken.get(), 3, "that of QoS 1, which nobody knows to be stored, is taken again, and no other");
}

/// Has a message of each quality under way when the hub stops, whose answers may take so long.
async fn stop_with_both_under_way(patience: Duration) -> (Rc<House>, TestClient) {
    let (house, address) = serve().await;
    let (mut client, _) = remembered(address).await;
    house.hangs.set(true);
    send(&mut client, QoS::ExactlyOnce, 1, false).await;
    send(&mut client, QoS::AtLeastOnce, 2, false).await;
    client.ping().await;
    let words = house.words.take().expect("it is open");
    words.send(Word::Stop(Instant::now() + patience)).await.expect("it listens");
    send(&mut client, QoS::AtLeastOnce, 3, false).await;
    (house, client)
}

#[actix::test]
async fn a_connection_whose_hub_stops_is_answered_what_is_under_way_and_read_no_more() {
    let (house, mut client) = stop_with_both_under_way(Duration::from_secs(600)).await;
    // Until it has had its turn.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    house.stored.notify_waiters();

    let answer = client.next().await;
    assert!(matches!(&answer, Some(Packet::PublishReceived(ack)) if is_good(ack, 1)), "{answer:?}");
    let answer = client.next().await;
    assert!(matches!(&answer, Some(Packet::PublishAck(ack)) if is_good(ack, 2)), "{answer:?}");
    assert_eq!(client.end().await, Some(DisconnectReasonCode::ServerShuttingDown));
    assert_eq!(house.taken.get(), 2);
}

#[actix::test]
async fn a_connection_whose_hub_stops_ends_in_time_with_no_answer_to_what_hangs() {
    let (house, mut client) = stop_with_both_under_way(Duration::from_millis(100)).await;

    let answer = client.next().await;
    let reason = DisconnectReasonCode::ServerShuttingDown;
    assert!(matches!(&answer, Some(Packet::Disconnect(told)) if told.reason_code == reason), "{answer:?}");
    assert_eq!(house.taken.get(), 2);
}
