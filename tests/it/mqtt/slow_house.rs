//! A house that does not answer, behind a connection of MQTT.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::rc::Rc;
use std::time::Duration;

use carillon::mqtt::bridge::{Arrived, Bridge, Granted, Note, Opened, Refusal, Refused, Terms};
use carillon::mqtt::line::Line;
use carillon::mqtt::places::Places;
use carillon::mqtt::serve_connection;
use carillon::mqtt::session::{SessionBounds, Subscription};
use carillon::pipe::{Flusher, Outbox, OutboxOptions};
use futures_util::future::LocalBoxFuture;
use rmqtt_codec::types::Publish;
use rmqtt_codec::v5::{Connect, Packet, SubscribeAckReason, Unsubscribe};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::client::{TestClient, connect};

const OPTIONS: OutboxOptions = OutboxOptions { high_water: 1 << 20, low_water: 1 << 16 };

/// Lets everybody in, and answers nothing then.
struct SlowHouse {
    terms: Terms,
    places: Places,
}

impl Bridge for SlowHouse {
    type Guest = ();

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn places(&self) -> &Places {
        &self.places
    }

    async fn admit(&self, _: &Connect, _: IpAddr) -> Result<Arrived<()>, Refusal> {
        Ok(Arrived { guest: (), owner: "one".to_owned(), is_remembered: false })
    }

    async fn open(&self, (): &mut (), _: Opened<'_>) -> Result<(), Refusal> {
        Ok(())
    }

    fn publish(&self, (): &(), _: Publish) -> LocalBoxFuture<'static, Result<(), Refused>> {
        Box::pin(std::future::pending())
    }

    async fn subscribe(&self, (): &(), _: &Subscription, _: bool) -> Result<Granted, SubscribeAckReason> {
        std::future::pending().await
    }

    async fn unsubscribe(&self, (): &(), _: &str) {
        std::future::pending().await
    }

    fn close(&self, (): &(), _: bool) {}

    fn note(&self, _: Note) {}
}

/// Serves connections until the test ends.
async fn serve() -> SocketAddr {
    let terms = Terms {
        connect_timeout: Duration::from_secs(10),
        slow_timeout: Duration::from_secs(60),
        max_packet: 60_000,
        receive_max: 20,
        max_keep_alive: 60,
        max_session_expiry: 0,
        topic_aliases: 0,
        shares_subscriptions: false,
        session: SessionBounds { queued: 10, subscriptions: 100 },
    };
    let house = Rc::new(SlowHouse { terms, places: Places::new(10) });
    let flusher = Flusher::start(Duration::ZERO, |_| {});
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    actix_rt::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let outbox = Outbox::of_mqtt(stream.into(), false, flusher.clone(), OPTIONS);
            actix_rt::spawn(serve_connection(Rc::clone(&house), Line::new(outbox), peer.ip(), ()));
        }
    });
    address
}

#[actix::test]
async fn all_that_one_packet_subscribes_to_waits_for_the_house_no_longer_than_one_does() {
    let (mut client, _) = TestClient::enter(serve().await, connect("one", "password")).await;
    tokio::time::pause();

    let asked = Instant::now();
    let filters: Vec<String> = (0..50).map(|number| format!("a/{number}")).collect();
    let (told, _) = client.subscribe(&filters.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(told, [SubscribeAckReason::UnspecifiedError; 50], "what the house did not grant is not granted");
    assert!(asked.elapsed() < Duration::from_secs(11), "{:?}", asked.elapsed());

    client.ping().await;
    let topic_filters = filters.iter().map(|filter| filter.as_str().into()).collect();
    let packet_id = NonZeroU16::MAX;
    client.send(Packet::Unsubscribe(Unsubscribe { packet_id, user_properties: Vec::new(), topic_filters })).await;
    assert!(matches!(client.next().await, Some(Packet::UnsubscribeAck(ack)) if ack.status.len() == 50));
}
