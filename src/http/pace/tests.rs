use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::{BodyStream, BoxBody};
use actix_http::{HttpService, Payload};
use actix_service::fn_service;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::pipe::PATIENCE;

const SLOW: Duration = Duration::from_secs(60);

/// A connection to a service that answers with the path and the length of the body; `/slow` takes its time, `/stream`
/// with its answer, `/early` does not read the body, and `/empty` answers with no more than its status.
async fn connect() -> DuplexStream {
    let answer = |mut request: Request| async move {
        if request.path() == "/slow" {
            sleep(SLOW).await;
        }
        let is_read = request.path() != "/early";
        let length = if is_read { length_of(request.take_payload()).await } else { 0 };
        let text = Bytes::from(format!("{} {length};", request.path()));
        let later = text.clone();
        let late = stream::once(async move {
            sleep(SLOW).await;
            Ok::<_, Infallible>(later)
        });
        let body = match request.path() {
            "/stream" => BoxBody::new(BodyStream::new(Box::pin(late))),
            "/empty" => BoxBody::new(()),
            _ => BoxBody::new(text),
        };
        Ok::<_, Infallible>(Response::ok().set_body(body))
    };
    let http = HttpService::build().keep_alive(SLOW).on_connect_ext(tell_pace).finish(paced(fn_service(answer)));
    let service = in_turn(http).new_service(()).await.unwrap();
    let (client, stream) = duplex(1024);
    actix_rt::spawn(service.call((stream, Protocol::Http1, None)));
    client
}

async fn read_to(client: &mut DuplexStream, wanted: &str) -> String {
    answers_to(client, wanted, 1).await
}

/// What is answered until the text has come so often.
async fn answers_to(reader: &mut (impl AsyncRead + Unpin), wanted: &str, times: usize) -> String {
    let (mut answers, mut buffer) = (String::new(), [0; 4096]);
    while answers.matches(wanted).count() < times {
        let length = reader.read(&mut buffer).await.unwrap();
        assert!(length > 0, "closed after {answers}");
        answers.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    answers
}

/// How long until the hub ends the connection.
async fn closed_after(client: &mut DuplexStream) -> Duration {
    let (began, mut buffer) = (Instant::now(), [0; 4096]);
    while client.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
    began.elapsed()
}

#[actix::test]
async fn of_many_requests_only_a_few_are_taken_in_before_their_turn() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    let all = "GET / HTTP/1.1\r\nhost: h\r\n\r\n".repeat(4999) + "GET /last HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut left = all.as_bytes();
    while let Ok(written) = timeout(SLOW / 4, client.write(left)).await {
        left = &left[written.unwrap()..];
    }

    assert!(all.len() - left.len() < 40_000, "{} bytes were taken in", all.len() - left.len());
    let (mut reader, mut writer) = tokio::io::split(client);
    let (_, answers) = tokio::join!(writer.write_all(left), answers_to(&mut reader, "/last 0;", 1));
    assert_eq!(answers.matches("200 OK").count(), 5001);
    assert!(answers.find("/slow 0;") < answers.find("/ 0;"), "{}", &answers[..400]);
}

#[actix::test]
async fn the_rest_of_a_request_is_not_waited_for_for_ever() {
    tokio::time::pause();
    for part in [
        "GET /he",
        "\r\n",
        "POST / HTTP/1.1\r\n",
        "GET /early HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    ] {
        let mut client = connect().await;
        client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        read_to(&mut client, "/ 0;").await;

        client.write_all(part.as_bytes()).await.unwrap();

        let closed = closed_after(&mut client).await;
        assert!((PATIENCE..PATIENCE * 2).contains(&closed), "{part:?}: {closed:?}");
    }
}

#[actix::test]
async fn who_sends_a_head_byte_by_byte_gets_no_more_time() {
    tokio::time::pause();
    let mut client = connect().await;
    let began = Instant::now();
    client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\nGET /").await.unwrap();
    read_to(&mut client, "/ 0;").await;

    while timeout(PATIENCE / 5, client.read(&mut [0; 100])).await.is_err() && client.write_all(b"x").await.is_ok() {}

    assert!((PATIENCE..PATIENCE * 2).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[actix::test]
async fn a_connection_that_is_busy_has_all_the_time_that_takes() {
    tokio::time::pause();
    let mut client = connect().await;
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\nGET /next HTT").await.unwrap();
    read_to(&mut client, "/slow 0;").await;
    sleep(PATIENCE / 2).await;
    client
        .write_all(b"P/1.1\r\nhost: h\r\n\r\nPOST /body HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n")
        .await
        .unwrap();
    read_to(&mut client, "/next 0;").await;
    for _ in 0..10 {
        sleep(PATIENCE / 2).await;
        client.write_all(b"x").await.unwrap();
    }
    read_to(&mut client, "/body 10;").await;
}

#[actix::test]
async fn requests_behind_a_long_answer_wait_for_its_end_whole_or_not() {
    tokio::time::pause();
    let client = connect().await;
    let (mut reader, mut writer) = tokio::io::split(client);
    let body = "POST /body HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n0123456789";
    let first = "GET /stream HTTP/1.1\r\nhost: h\r\n\r\n".to_owned() + &body.repeat(20) + &body[..body.len() - 4];
    let write = async {
        writer.write_all(first.as_bytes()).await.unwrap();
        sleep(PATIENCE * 2).await;
        writer.write_all(b"6789").await.unwrap();
    };
    let (_, answers) = tokio::join!(write, answers_to(&mut reader, "/body 10;", 21));

    assert!(answers.find("/stream 0;") < answers.find("/body 10;"), "{answers}");
}

#[actix::test]
async fn no_answer_ends_a_connection_on_which_more_requests_are_on_their_way() {
    tokio::time::pause();
    for path in ["/empty", "/body", "/slow"] {
        let (mut reader, mut writer) = tokio::io::split(connect().await);
        let body = format!("POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n0123456789");
        let requests = body.repeat(50);
        let write = async {
            for piece in [&requests[..body.len() * 3 - 5], &requests[body.len() * 3 - 5..]] {
                writer.write_all(piece.as_bytes()).await.unwrap();
                sleep(PATIENCE / 2).await;
            }
        };
        let (_, answers) = tokio::join!(write, answers_to(&mut reader, "200 OK", 50));

        assert!(!answers.contains("close"), "{answers}");
    }
}

#[actix::test]
async fn an_answer_is_what_its_own_request_asks_for_whatever_is_behind_it() {
    tokio::time::pause();
    let mut client = connect().await;
    let request = |line: &str, header: &str| format!("{line}\r\nhost: h\r\n{header}\r\n");
    let requests = request("GET /slow HTTP/1.1", "")
        + &request("HEAD /slow HTTP/1.1", "")
        + &request("GET /stream HTTP/1.1", "")
        + &request("GET /a HTTP/1.0", "connection: keep-alive\r\n")
        + &request("GET /b HTTP/1.1", "")
        + &request("GET /c HTTP/1.1", "connection: close\r\n")
        + &request("GET /d HTTP/1.1", "");
    client.write_all(requests.as_bytes()).await.unwrap();

    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();

    let answers: Vec<_> = answers.split("HTTP/1.").skip(1).collect();
    let ends = ["/slow 0;", "\r\n\r\n", "0\r\n\r\n", "/a 0;", "/b 0;", "/c 0;"];
    assert_eq!(answers.len(), ends.len(), "nothing is answered behind the last: {answers:#?}");
    for (place, (answer, end)) in answers.iter().zip(ends).enumerate() {
        assert!(answer.ends_with(end), "{place}: {answer}");
        assert_eq!(answer.contains("connection: close"), place == 5, "{answer}");
        assert_eq!(answer.starts_with('0'), place == 3, "{answer}");
    }
}

#[actix::test]
async fn who_says_that_no_more_comes_gets_all_answers() {
    tokio::time::pause();
    let (mut reader, mut writer) = tokio::io::split(connect().await);
    let body = "x".repeat(100_000);
    let first = format!("POST /slow HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let all = first + "GET /a HTTP/1.1\r\nhost: h\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n";
    let write = async {
        writer.write_all(all.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
    };

    let mut answers = String::new();
    let (_, read) = tokio::join!(write, reader.read_to_string(&mut answers));

    read.unwrap();
    assert_eq!(answers.matches("200 OK").count(), 3, "{answers}");
    assert!(answers.contains("/slow 100000;") && answers.ends_with("/b 0;"), "{answers}");
}

/// A connection to a service that answers with the path and the length of the body; `/0` waits, and counts how often it
/// is looked at.
async fn connect_looked_at(waited_for: oneshot::Receiver<()>, looks: &Rc<Cell<usize>>) -> DuplexStream {
    let (waited_for, looks) = (Rc::new(Cell::new(Some(waited_for))), Rc::clone(looks));
    let http = HttpService::build().on_connect_ext(tell_pace).finish(paced(fn_service(move |mut request: Request| {
        let slow = waited_for.take().filter(|_| request.path() == "/0");
        let looks = Rc::clone(&looks);
        async move {
            if let Some(mut slow) = slow {
                let look = |cx: &mut Context<'_>| {
                    looks.set(looks.get() + 1);
                    Pin::new(&mut slow).poll(cx)
                };
                poll_fn(look).await.unwrap();
            }
            let length = length_of(request.take_payload()).await;
            Ok::<_, Infallible>(Response::ok().set_body(format!("{} {length};", request.path())))
        }
    })));
    let service = in_turn(http).new_service(()).await.unwrap();
    let (client, stream) = duplex(1 << 20);
    actix_rt::spawn(service.call((stream, Protocol::Http1, None)));
    client
}

async fn length_of(body: Payload) -> usize {
    body.map(|piece| piece.unwrap().len()).fold(0, async |sum, length| sum + length).await
}

#[actix::test]
async fn a_flood_behind_a_request_that_takes_its_time_is_not_looked_at_again_and_again() {
    tokio::time::pause();
    let looks = Rc::default();
    let (answer, waited_for) = oneshot::channel();
    let mut client = connect_looked_at(waited_for, &looks).await;
    let filler = "x".repeat(9000);
    for n in 0..60 {
        client
            .write_all(format!("GET /{n} HTTP/1.1\r\nhost: hub\r\nx-filler: {filler}\r\n\r\n").as_bytes())
            .await
            .unwrap();
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }

    assert!(looks.get() < 30, "it was looked at {} times", looks.get());
    let began = Instant::now();
    answer.send(()).unwrap();
    let answers = read_to(&mut client, "/59 0;").await;
    let places: Vec<_> = (0..60).map(|n| answers.find(&format!("/{n} 0;")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(answers.matches("200 OK").count(), 60);
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing had to wait");
}

#[actix::test]
async fn a_large_body_is_read_as_it_comes() {
    tokio::time::pause();
    let mut client = connect().await;
    let began = Instant::now();

    client.write_all(b"POST /body HTTP/1.1\r\nhost: hub\r\ncontent-length: 16777216\r\n\r\n").await.unwrap();
    client.write_all(&vec![b'x'; 16 << 20]).await.unwrap();

    read_to(&mut client, "/body 16777216;").await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[actix::test]
async fn a_large_body_that_is_not_read_yet_is_not_looked_at_again_and_again() {
    tokio::time::pause();
    let looks = Rc::default();
    let (answer, waited_for) = oneshot::channel();
    let mut client = connect_looked_at(waited_for, &looks).await;
    client.write_all(b"POST /0 HTTP/1.1\r\nhost: hub\r\ncontent-length: 900000\r\n\r\n").await.unwrap();
    client.write_all(&vec![b'x'; 900_000]).await.unwrap();
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }

    assert!(looks.get() < 30, "it was looked at {} times", looks.get());
    answer.send(()).unwrap();
    read_to(&mut client, "/0 900000;").await;
}
