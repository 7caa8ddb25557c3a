use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{ID, an_hour_ago, reading, report, time, wait_until_sealed};
use crate::support::database::Intruder;
use crate::support::{Account, TestHub, within};

/// What ends a whole body that comes in pieces.
const END: &[u8] = b"\r\n0\r\n\r\n";

#[actix::test]
async fn a_file_holds_everything_in_either_format() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    // More than is read at once.
    let readings: Vec<_> = (0..6000).map(|at| json!({"ts": time(start + at, 0), "telemetry": {"a": at}})).collect();
    report(&hub, &token, json!(readings)).await;
    report(&hub, &token, reading(start, 100, json!({"b": "one, \"two\""}))).await;
    let path = format!("/api/v1/modules/{ID}/telemetry/export");

    let csv = owner.get(&path).await;
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"MC-1001-STN.csv\""));
    let lines: Vec<_> = csv.text.split("\r\n").collect();
    assert_eq!((lines.len(), lines[0]), (6003, "ts,key,value"));
    assert_eq!(lines[1], format!("{},\"a\",0", time(start, 0)));
    assert_eq!(lines[6001], format!("{},\"b\",\"one, \"\"two\"\"\"", time(start, 100)));

    let lines = owner.get(&format!("{path}?format=ndjson&key=a&order=desc")).await;
    let lines: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines.len(), &lines[0]), (6000, &json!({"ts": time(start + 5999, 0), "key": "a", "value": 5999})));
}

#[actix::test]
async fn only_who_may_see_a_module_gets_its_file_and_wrong_questions_are_named() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    owner.create_module(ID).await;
    let path = format!("/api/v1/modules/{ID}/telemetry/export");

    assert_eq!(hub.user("stranger@example.org").await.get(&path).await.status, 404);
    for (query, pointer) in [("format=xls", "/format"), ("limit=1", "/limit"), ("from=x", "/from"), ("x=1", "/x")] {
        let answer = owner.get(&format!("{path}?{query}")).await;
        assert_eq!((answer.status, &answer.json()["errors"][0]["pointer"]), (422, &json!(pointer)), "{query}");
    }
    let empty = owner.get(&path).await;
    assert_eq!((empty.status, empty.text.as_str()), (200, "ts,key,value\r\n"));
}

/// Reports more than the buffers of the machine hold for who does not read.
async fn report_at_length(hub: &TestHub, token: &str) {
    let start = an_hour_ago();
    for batch in 0..16 {
        let text = "x".repeat(1000);
        let reading = |at: i64| json!({"ts": time(start + batch * 900 + at, 0), "telemetry": {"a": text}});
        report(hub, token, json!((0..900).map(reading).collect::<Vec<_>>())).await;
    }
}

/// Asks for a file, and reads only its beginning.
async fn begin(hub: &TestHub, who: &Account) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16_384).expect("a small buffer");
    let mut stream = socket.connect(hub.authority.parse().expect("an address")).await.expect("the hub listens");
    let (authority, token) = (&hub.authority, &who.access_token);
    let path = format!("/api/v1/modules/{ID}/telemetry/export");
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("the hub listens");
    let mut first = [0; 1000];
    stream.read_exact(&mut first).await.expect("the hub answers");
    assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
    stream
}

/// Reads until the connection ends.
async fn read_on(mut stream: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    // A connection that is reset has ended, too.
    let _ = within("the connection ends", stream.read_to_end(&mut rest)).await;
    rest
}

#[actix::test]
async fn a_file_of_a_module_that_is_removed_meanwhile_breaks_off_and_does_not_end_like_a_whole_one() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report_at_length(&hub, &token).await;
    let whole = read_on(begin(&hub, &owner).await).await;
    assert!(whole.ends_with(END), "a file that nothing happens to is whole");

    let stream = begin(&hub, &owner).await;
    assert_eq!(owner.delete(&format!("/api/v1/modules/{ID}")).await.status, 204);
    // Nor does the file go on with another module of the same name.
    let token = owner.create_module(ID).await;
    report(&hub, &token, json!({"telemetry": {"a": 1}})).await;
    let part = read_on(stream).await;

    assert!(part.len() < whole.len(), "it was sent before the module was removed");
    assert!(!part.ends_with(END), "it ends like a whole one");
}

#[actix::test]
async fn who_loses_a_module_or_ends_their_login_meanwhile_gets_no_more_of_its_file() {
    let hub = TestHub::start().await;
    let (admin, former) = (hub.admin().await, hub.user("former@example.org").await);
    let later = hub.user("later@example.org").await;
    let token = former.create_module(ID).await;
    report_at_length(&hub, &token).await;
    let whole = read_on(begin(&hub, &former).await).await;
    assert!(whole.ends_with(END), "a file that nothing happens to is whole");

    let stream = begin(&hub, &former).await;
    let moved = admin.patch(&format!("/api/v1/modules/{ID}"), json!({"userId": later.id})).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let part = read_on(stream).await;
    assert!(part.len() < whole.len() && !part.ends_with(END), "the former owner reads on");

    let stream = begin(&hub, &later).await;
    assert_eq!(later.post("/api/v1/auth/logout", json!({})).await.status, 204);
    let part = read_on(stream).await;
    assert!(part.len() < whole.len() && !part.ends_with(END), "who has logged out reads on");
}

#[actix::test]
async fn a_file_that_the_database_fails_under_breaks_off_and_does_not_end_like_a_whole_one() {
    let hub = TestHub::with(&[("CARILLON__TELEMETRY__SEAL_AFTER", "0s")]).await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    let start = an_hour_ago();
    for batch in 0..2 {
        let reading = |at: i64| json!({"ts": time(start + batch * 10_000 + at, 0), "telemetry": {"a": at}});
        report(&hub, &token, json!((0..10_000).map(reading).collect::<Vec<_>>())).await;
    }
    wait_until_sealed(&hub.authority).await;
    let whole = read_on(begin(&hub, &owner).await).await;
    assert!(whole.ends_with(END), "a file that nothing happens to is whole");

    let broken = format!("UPDATE chunks SET data = substr(data, 1, 1) WHERE first_ts > {}", start + 15_000);
    Intruder::of(hub.data()).say(&broken);
    let part = read_on(begin(&hub, &owner).await).await;

    assert!(part.len() < whole.len() && !part.ends_with(END), "it ends like a whole one");
}

#[actix::test]
async fn no_cell_of_a_file_is_a_formula() {
    let hub = TestHub::start().await;
    let owner = hub.admin().await;
    let token = owner.create_module(ID).await;
    report(&hub, &token, reading(an_hour_ago(), 0, json!({"=a": "=HYPERLINK(\"x\")", "b": -1}))).await;
    let path = format!("/api/v1/modules/{ID}/telemetry/export");

    let csv = owner.get(&path).await.text;
    assert!(csv.contains(r#","'=a","'=HYPERLINK(""x"")""#) && csv.contains(",\"b\",-1\r\n"), "{csv}");
    let lines = owner.get(&format!("{path}?format=ndjson")).await.text;
    assert!(lines.contains(r#""key":"=a","value":"=HYPERLINK(\"x\")""#), "{lines}");
}
