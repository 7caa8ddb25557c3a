//! A commit that PostgreSQL has done and whose answer never comes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::testing::Scratch;
use super::*;
use crate::config::Secret;

/// Stands before the server; when told to, it lets a commit through and hangs up instead of handing on the answer.
struct Cable {
    is_to_break: Arc<AtomicBool>,
    port: u16,
}

impl Cable {
    fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let cable = Self { is_to_break: Arc::default(), port: listener.local_addr().unwrap().port() };
        let is_to_break = Arc::clone(&cable.is_to_break);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, is_to_break) = (TcpStream::connect(&server).unwrap(), Arc::clone(&is_to_break));
                let (asks, answers) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let is_broken = Arc::new(AtomicBool::new(false));
                let breaks = Arc::clone(&is_broken);
                std::thread::spawn(move || {
                    hand_on(asks, server, |asked| {
                        let is_commit = asked.windows(6).any(|word| word == b"COMMIT");
                        breaks.fetch_or(is_commit && is_to_break.swap(false, Ordering::SeqCst), Ordering::SeqCst);
                        true
                    });
                });
                std::thread::spawn(move || hand_on(answers, client, |_| !is_broken.load(Ordering::SeqCst)));
            }
        });
        cable
    }
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, mut passes: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 65536];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !passes(&buffer[..read]) || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    // The peer may have gone already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[actix::test]
async fn a_commit_whose_answer_was_lost_counts_as_done() {
    let scratch = Scratch::new();
    let Database::Postgres(url) = scratch.database() else { return };
    let shown = scratch.database().to_string();
    let server = shown.split('/').nth(2).unwrap().to_owned();
    let cable = Cable::before(server.clone());
    let url = url.expose().replace(&server, &format!("127.0.0.1:{}", cable.port));
    let store = Store::open(Database::Postgres(Secret::new(url)), &Options::default()).unwrap();

    cable.is_to_break.store(true, Ordering::SeqCst);
    let done = store.write(|conn| heartbeat::beat(conn, Timestamp::from_millis(7)).map(|()| "done")).await;

    assert!(!cable.is_to_break.load(Ordering::SeqCst), "the answer was taken away");
    assert_eq!(done.unwrap(), "done");
    let failed: Result<(), _> = store.write(|_| Err(StoreError::NotFound)).await;
    assert!(matches!(failed, Err(StoreError::NotFound)), "the store goes on: {failed:?}");
}
