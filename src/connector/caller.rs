//! One call of a target: to an address that was checked, signed, bounded in time, following nothing.

use std::cell::OnceCell;
use std::io;
use std::time::{Duration, SystemTime};

use actix_http::error::ParseError;
use actix_service::fn_service;
use actix_tls::connect::{ConnectError as TcpError, ConnectInfo, Connection};
use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{HeaderMap, HttpDate};
use awc::http::{Uri, header};
use awc::{Client, Connector};
use tokio::net::TcpStream;

use super::address::is_public;
use super::judgement::Answer;
use super::look_up::LookUp;
use super::signature::signature;
use super::trust::machine_trust;
use crate::config;
use crate::domain::time::Timestamp;
use crate::store::deliveries::Delivery;
use crate::store::webhooks::Webhook;

/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 4;
/// The longest reason that is kept, in characters.
const REASON_MAX: usize = 200;

/// Calls targets, from one thread.
pub struct Caller {
    /// Made with the first call: only then the machine's certificates are read.
    client: OnceCell<Client>,
    connect: Connect,
    timeout: Duration,
}

/// How a connection is made.
#[derive(Debug, Clone)]
struct Connect {
    look_up: LookUp,
    timeout: Duration,
    allows_private: bool,
}

impl Caller {
    /// A caller within the bounds of the configuration.
    #[must_use]
    pub fn new(config: &config::Webhooks) -> Self {
        let connect = Connect {
            look_up: LookUp::default(),
            timeout: config.connect_timeout,
            allows_private: config.allow_private,
        };
        Self { client: OnceCell::new(), connect, timeout: config.timeout }
    }

    /// Sends a delivery; answers what the target says, of which only the head is read.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn call(&self, webhook: &Webhook, delivery: &Delivery) -> Result<Answer, String> {
        let client = self.client.get_or_init(|| client(&self.connect));
        let request = client
            .post(&webhook.url)
            .force_close()
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header((header::USER_AGENT, concat!("Carillon/", env!("CARGO_PKG_VERSION"))))
            .insert_header(("x-carillon-delivery", delivery.id.as_str()))
            .insert_header(("x-carillon-event", delivery.event.as_str()))
            .insert_header(("x-carillon-signature", signature(&webhook.secret, &delivery.body, Timestamp::now())));
        let answer = tokio::time::timeout(self.timeout, request.send_body(delivery.body.clone())).await;
        match answer {
            Ok(Ok(answer)) => Ok(Answer { status: answer.status().as_u16(), wait: asked_wait(answer.headers()) }),
            Ok(Err(error)) => Err(reason(&error).chars().take(REASON_MAX).collect()),
            Err(_) => Err("there was no answer in time".to_owned()),
        }
    }
}

fn client(connect: &Connect) -> Client {
    let connect = connect.clone();
    let timeout = connect.timeout;
    let dialling = fn_service(move |info: ConnectInfo<Uri>| {
        let connect = connect.clone();
        async move { connect.dial(info.request().clone(), info.hostname(), info.port()).await }
    });
    let connector = Connector::new().connector(dialling).timeout(timeout).handshake_timeout(timeout);
    let client = Client::builder()
        .connector(connector.rustls_0_23(machine_trust().config.clone()))
        .disable_timeout()
        .disable_redirects();
    // No version is asked for, as that would put other roots in the place of these; without ALPN it is HTTP/1.1.
    client.no_default_headers().finish()
}

impl Connect {
    /// Connects to one of the addresses of a host that may be called: to what was judged, not to what a second look-up finds.
    async fn dial(&self, uri: Uri, host: &str, port: u16) -> Result<Connection<Uri, TcpStream>, TcpError> {
        let addresses = self.look_up.addresses(host, port).await;
        let mut addresses =
            addresses.map_err(|_| TcpError::Resolver("the name of the target cannot be found".into()))?;
        addresses.retain(|address| self.allows_private || is_public(address.ip()));
        addresses.truncate(ADDRESSES_MAX);
        let mut failure = TcpError::Resolver("the target is at no public address; see `webhooks.allow_private`".into());
        for address in &addresses {
            let patience = self.timeout / u32::try_from(addresses.len()).unwrap_or(1);
            match tokio::time::timeout(patience, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(Connection::new(uri, stream)),
                Ok(Err(error)) => failure = TcpError::Io(error),
                Err(_) => failure = TcpError::Io(io::ErrorKind::TimedOut.into()),
            }
        }
        Err(failure)
    }
}

/// How long the target asks not to be called: `Retry-After`, seconds or a date (RFC 9110).
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date: HttpDate = text.parse().ok()?;
    Some(SystemTime::from(date).duration_since(SystemTime::now()).unwrap_or_default())
}

/// What went wrong, without the address of the target, which may hold a secret.
fn reason(error: &SendRequestError) -> String {
    match error {
        SendRequestError::Connect(ConnectError::Resolver(reason)) => reason.to_string(),
        SendRequestError::Connect(ConnectError::Timeout) => "there was no connection in time".to_owned(),
        SendRequestError::Connect(ConnectError::Disconnected) => "the target hung up without an answer".to_owned(),
        SendRequestError::Connect(ConnectError::Io(error)) => failed_connection(error),
        SendRequestError::Send(error) => format!("it could not be sent: {}", failed_connection(error)),
        SendRequestError::Response(ParseError::Io(error)) => failed_connection(error),
        SendRequestError::Response(_) => "the answer is not HTTP that can be read".to_owned(),
        SendRequestError::Timeout => "there was no answer in time".to_owned(),
        SendRequestError::Connect(_) => "there is no connection".to_owned(),
        _ => "it could not be sent".to_owned(),
    }
}

fn failed_connection(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the target refuses connections".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            "the target broke the connection off".to_owned()
        }
        io::ErrorKind::UnexpectedEof => "the target hung up".to_owned(),
        io::ErrorKind::TimedOut => "there was no connection in time".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "the target cannot be reached".to_owned(),
        io::ErrorKind::InvalidData => format!("TLS cannot be spoken with the target: {error}"),
        _ => format!("there is no connection: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::testing::delivery;

    fn asked(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, value.parse().unwrap());
        asked_wait(&headers)
    }

    #[test]
    fn a_target_says_how_long_to_wait_in_seconds_or_by_a_date() {
        let soon = HttpDate::from(SystemTime::now() + Duration::from_secs(90)).to_string();
        let wait = asked(&soon).unwrap();
        assert!((80..=90).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(asked(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!((asked("soon"), asked("-1"), asked("")), (None, None, None));
    }

    #[actix::test]
    async fn what_a_name_leads_to_is_judged_when_it_is_called() {
        let webhook = Webhook { url: "http://localhost:9/".to_owned(), ..crate::store::testing::webhook("a") };
        let called = Caller::new(&config::Webhooks::default()).call(&webhook, &delivery(0, 0)).await;
        assert!(called.clone().is_err_and(|error| error.contains("no public address")), "{called:?}");
    }

    #[test]
    fn what_went_wrong_is_told_in_words() {
        let refused = io::Error::from_raw_os_error(111);
        for (error, words) in [
            (SendRequestError::Connect(ConnectError::Disconnected), "the target hung up without an answer"),
            (SendRequestError::Connect(ConnectError::Io(refused)), "the target refuses connections"),
            (SendRequestError::Response(ParseError::Header), "the answer is not HTTP that can be read"),
        ] {
            assert_eq!(reason(&error), words);
        }
    }
}
