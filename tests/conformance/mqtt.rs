//! A small broker with free topics, for paho's interoperability suites: everybody may come in and say everything.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytestring::ByteString;
use carillon::http::bind;
use carillon::mqtt::bridge::{Arrived, Bridge, Granted, Note, Opened, Refusal, Refused, Terms, Word, Words};
use carillon::mqtt::line::Line;
use carillon::mqtt::places::Places;
use carillon::mqtt::serve_connection;
use carillon::mqtt::session::{Message, SessionBounds, Subscription};
use carillon::pipe::{Flusher, Outbox, OutboxOptions};
use futures_util::future::LocalBoxFuture;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v5::{Connect, SubscribeAckReason};
use tokio::net::TcpListener;

const OPTIONS: OutboxOptions = OutboxOptions { high_water: 1 << 20, low_water: 1 << 16 };
/// The suites want this one refused.
const NOT_TO_BE_HEARD: &str = "test/nosubscribe";

/// Serves until the process is told to end.
#[expect(clippy::print_stdout, reason = "who started this waits for the line")]
pub async fn serve(listen: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::from_std(bind(listen)?)?;
    let broker = Rc::new(FreeBroker::new());
    let flusher = Flusher::start(Duration::ZERO, |_| {});
    println!("listening on {listen}");
    loop {
        let (stream, peer) = listener.accept().await?;
        let outbox = Outbox::of_mqtt(stream.into(), false, flusher.clone(), OPTIONS);
        actix_rt::spawn(serve_connection(Rc::clone(&broker), Line::new(outbox), peer.ip(), ()));
    }
}

/// Hands every message to all who listen, and keeps what is to be kept.
struct FreeBroker {
    terms: Terms,
    places: Places,
    kept: RefCell<BTreeMap<ByteString, Message>>,
    shared: RefCell<Vec<Share>>,
    turn: Cell<usize>,
}

/// One member of a group that shares a subscription.
struct Share {
    owner: String,
    words: Words,
    subscription: Subscription,
}

struct Client {
    owner: String,
    words: Option<Words>,
}

impl FreeBroker {
    fn new() -> Self {
        let terms = Terms {
            connect_timeout: Duration::from_secs(10),
            slow_timeout: Duration::from_secs(60),
            max_packet: 60_000,
            receive_max: 20,
            max_keep_alive: 60,
            max_session_expiry: u32::MAX,
            topic_aliases: 10,
            shares_subscriptions: true,
            session: SessionBounds { queued: 1000, subscriptions: 100 },
        };
        Self {
            terms,
            places: Places::new(100),
            kept: RefCell::default(),
            shared: RefCell::default(),
            turn: Cell::new(0),
        }
    }

    fn spread(&self, publish: Publish, from: &str) {
        let (is_kept, message) = (publish.retain, Message::of(publish, Instant::now()));
        if is_kept && message.publish().payload.is_empty() {
            self.kept.borrow_mut().remove(message.topic());
        } else if is_kept {
            self.kept.borrow_mut().insert(message.topic().clone(), message.clone());
        }
        self.places.deliver(&message, Some(from));
        self.spread_shared(&message);
    }

    /// Hands a message to one member of each group, in turn.
    fn spread_shared(&self, message: &Message) {
        let shared = self.shared.borrow();
        let mut groups: BTreeMap<&ByteString, Vec<&Share>> = BTreeMap::new();
        for share in shared.iter().filter(|share| share.subscription.filter.matches(message.topic())) {
            groups.entry(share.subscription.filter.text()).or_default().push(share);
        }
        for members in groups.values() {
            self.turn.set(self.turn.get() + 1);
            let share = members[self.turn.get() % members.len()];
            // Who is gone, or too busy, has lost it.
            let _ = share.words.try_send(Word::DeliverShared(message.clone(), share.subscription.clone()));
        }
    }

    fn forget_share(&self, owner: &str, filter: Option<&str>) {
        self.shared.borrow_mut().retain(|share| {
            share.owner != owner || filter.is_some_and(|filter| share.subscription.filter.text() != filter)
        });
    }
}

impl Bridge for FreeBroker {
    type Guest = Client;

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn places(&self) -> &Places {
        &self.places
    }

    async fn admit(&self, connect: &Connect, _: IpAddr) -> Result<Arrived<Client>, Refusal> {
        let is_named = !connect.client_id.is_empty();
        let owner = if is_named { connect.client_id.to_string() } else { uuid::Uuid::now_v7().to_string() };
        Ok(Arrived { guest: Client { owner: owner.clone(), words: None }, owner, is_remembered: is_named })
    }

    async fn open(&self, client: &mut Client, opened: Opened<'_>) -> Result<(), Refusal> {
        client.words = Some(opened.words.clone());
        Ok(())
    }

    fn publish(&self, client: &Client, publish: Publish) -> LocalBoxFuture<'static, Result<(), Refused>> {
        self.spread(publish, &client.owner);
        Box::pin(std::future::ready(Ok(())))
    }

    async fn subscribe(
        &self,
        client: &Client,
        subscription: &Subscription,
        _: bool,
    ) -> Result<Granted, SubscribeAckReason> {
        if subscription.filter.text() == NOT_TO_BE_HEARD {
            return Err(SubscribeAckReason::UnspecifiedError);
        }
        if let (Some(_), Some(words)) = (subscription.filter.group(), &client.words) {
            self.forget_share(&client.owner, Some(subscription.filter.text()));
            let (owner, words, subscription) = (client.owner.clone(), words.clone(), subscription.clone());
            self.shared.borrow_mut().push(Share { owner, words, subscription });
        }
        let now = Instant::now();
        let kept = self.kept.borrow();
        let heard =
            kept.values().filter(|message| subscription.filter.matches(message.topic()) && !message.is_over(now));
        Ok(Granted { qos: QoS::ExactlyOnce, kept: heard.cloned().collect() })
    }

    async fn unsubscribe(&self, client: &Client, filter: &str) {
        self.forget_share(&client.owner, Some(filter));
    }

    fn close(&self, client: &Client, _: bool) {
        self.forget_share(&client.owner, None);
    }

    fn note(&self, _: Note) {}
}
