use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::{
    sync::mpsc,
    task::spawn_local,
    time::{Instant, sleep_until, timeout},
};

use super::{
    audience::Audience,
    report::Latencies,
    schedule::Schedule,
    wire::{Destination, HttpReader, HttpWriter, connect_http, render_request},
};
use crate::cli::{CliError, client::ClientError};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where events are posted.
#[derive(Debug, Clone)]
pub struct Post {
    /// The server.
    pub destination: Destination,
    /// The path of the requests.
    pub path: String,
    /// Who posts; none where nobody asks.
    pub token: Option<String>,
    /// What a request says of an event, by its data.
    pub body: fn(&Stream, &str) -> String,
}

/// Numbered events of one connection on one topic.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its number, which its events carry.
    pub number: u64,
    /// The topic of its events.
    pub topic: String,
    /// Bytes of an event's data.
    pub size: usize,
    /// When they are due.
    pub schedule: Schedule,
}

/// What became of a stream.
#[derive(Debug, Default)]
pub struct Published {
    /// The number of the stream.
    pub number: u64,
    /// Publications answered with success.
    pub accepted: u64,
    /// Publications answered otherwise.
    pub refused: u64,
    /// From the time an event was due to the answer to its publication.
    pub latencies: Latencies,
}

impl Published {
    /// From the time an event was due to the answer to its publication, over all streams.
    pub fn latencies(published: &[Self]) -> Latencies {
        let mut all = Latencies::new();
        published.iter().for_each(|stream| all.add(&stream.latencies));

        all
    }
}

/// Publishes every stream to its end and waits for all answers.
///
/// Requests follow each other on a connection without waiting (pipelining), so that the server's pace cannot slow the
/// schedule down, and the events of a stream keep their order.
pub async fn publish(post: &Post, streams: Vec<Stream>, audience: &Audience) -> Result<Vec<Published>, CliError> {
    let mut connections = Vec::with_capacity(streams.len());
    for index in 0..streams.len() {
        connections.push(connect_http(&post.destination, index).await?);
    }
    let start = audience.start();
    let running = streams.into_iter().zip(connections).map(|(stream, (reader, writer))| {
        let (waiting, answers) = mpsc::unbounded_channel();
        let number = stream.number;
        let sending = spawn_local(send(stream, post.clone(), writer, start, waiting));
        async move {
            let published = receive(number, reader, start, answers).await;
            // Some servers answer nothing more to a client that has closed its side.
            drop(sending.await);
            published
        }
    });

    Ok(try_join_all(running).await?)
}

/// Sends each event when it is due; `waiting` tells when that was. It ends with the stream or with the connection, and gives
/// its side back.
async fn send(
    stream: Stream,
    post: Post,
    mut writer: HttpWriter,
    start: Instant,
    waiting: mpsc::UnboundedSender<Duration>,
) -> HttpWriter {
    for number in 0..stream.schedule.count() {
        let due = stream.schedule.due(number);
        sleep_until(start + due).await;
        let body = (post.body)(&stream, &data(&stream, number, due));
        let request = render_request(&post.destination, "POST", &post.path, post.token.as_deref(), &body);
        // A lost connection shows itself to the reader, which tells of it.
        if waiting.send(due).is_err() || writer.send(&request).await.is_err() {
            break;
        }
    }
    writer
}

async fn receive(
    number: u64,
    mut reader: HttpReader,
    start: Instant,
    mut answers: mpsc::UnboundedReceiver<Duration>,
) -> Result<Published, ClientError> {
    let mut published = Published { number, ..Published::default() };
    while let Some(due) = answers.recv().await {
        let answer = timeout(ANSWER_TIMEOUT, reader.answer())
            .await
            .map_err(|_| ClientError::Closed("a publication got no answer".to_owned()))??;
        published.latencies.record((Instant::now() - start).saturating_sub(due));
        if answer.is_success() {
            published.accepted += 1;
        } else {
            tracing::debug!(status = answer.status, "publication refused");
            published.refused += 1;
        }
    }

    Ok(published)
}

/// The data of an event, as many bytes long as its stream says, padded with numbers: those shrink as much as telemetry does.
pub fn data(stream: &Stream, number: u64, due: Duration) -> String {
    let mark = format!(r#"{{"stream":{},"number":{number},"dueUs":{},"pad":""#, stream.number, due.as_micros());
    let end = "\"}";
    let pad = digits(number, stream.size.saturating_sub(mark.len() + end.len()));

    format!("{mark}{pad}{end}")
}

/// What the hub is asked to publish.
pub fn publication(stream: &Stream, data: &str) -> String {
    format!(r#"{{"event":"rt_bench","topic":"{}","data":{data}}}"#, stream.topic)
}

/// Digits without a pattern, the same for the same `seed`.
fn digits(seed: u64, count: usize) -> String {
    // Knuth's linear congruential generator; its upper bits are the good ones.
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + (*state >> 33).to_le_bytes()[0] % 10)
    };
    let mut state = seed;

    std::iter::repeat_with(|| next(&mut state)).take(count).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_data_of_an_event_has_the_size_asked_for() {
        let schedule = Schedule::new(100.0, Duration::from_secs(10), 1, 0);
        let stream = Stream { number: 3, topic: "custom:bench".to_owned(), size: 100, schedule };
        let body = publication(&stream, &data(&stream, 999, Duration::from_secs(9)));
        let start = body.find("\"data\":").unwrap() + "\"data\":".len();
        let publication: Value = serde_json::from_str(&body).unwrap();

        assert_eq!(body.len() - 1 - start, 100);
        assert_eq!(publication["data"]["number"], 999);
        assert_eq!(publication["event"], "rt_bench");
    }
}
