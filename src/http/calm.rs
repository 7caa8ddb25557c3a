//! Keeps a connection that can only wait from spinning.
//!
//! The dispatcher of actix-http wakes itself whenever the requests that came are as many bytes as it reads ahead (128 KiB),
//! also while it can do nothing with them before an earlier one is answered: by itself it would be polled over and over
//! until then, and whoever sends requests behind one that takes its time would have a thread for themselves.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use actix_http::Protocol;
use actix_service::{Service, ServiceFactory, apply_fn_factory};
use tokio::time::Sleep;

use crate::pipe::{Watch, Watched};

/// How many times in a row a connection is polled because it woke itself, though nothing is asked of its stream. Once is
/// what the dispatcher needs: it wakes itself before it takes what it has read.
const TRIES: u8 = 4;
/// How long it rests then, unless something else wakes it. Nothing is known that would have to wait for this; a wake that
/// was not in vain after all is made up for so soon, and so seldom costs nothing, however many connections there are.
const REST: Duration = Duration::from_millis(250);

/// A connection as `accept` knows it.
pub type Accepted<T> = (T, Protocol, Option<SocketAddr>);

/// Serves connections calmly.
pub fn calm<T, H>(
    http: H,
) -> impl ServiceFactory<Accepted<T>, Config = (), Response = H::Response, Error = H::Error, InitError = H::InitError>
where
    H: ServiceFactory<Accepted<Watched<T>>, Config = ()>,
{
    apply_fn_factory(http, |(stream, protocol, peer), http: &H::Service| {
        let watch = Watch::default();
        let watched = Watched::new(stream, watch.clone());
        // HTTP/2 has bounds of its own.
        let watched = if protocol == Protocol::Http1 { watched.paced() } else { watched };
        let served = http.call((watched, protocol, peer));
        Calm::new(served, watch, protocol)
    })
}

/// A connection that is served calmly.
///
/// Invariant: a wake that comes from elsewhere polls the connection at once; one that it gives itself while it is polled is
/// passed on too, unless the last [`TRIES`] of those came to nothing, and is delayed by no more than [`REST`] then.
struct Calm<F> {
    served: Pin<Box<F>>,
    /// HTTP/2 has bounds of its own, and none of these wakes.
    is_http_1: bool,
    watch: Watch,
    bell: Option<(Arc<Bell>, Waker)>,
    /// How many wakes of its own in a row came to nothing.
    in_vain: u8,
    rest: Option<Pin<Box<Sleep>>>,
}

impl<F: Future> Calm<F> {
    fn new(served: F, watch: Watch, protocol: Protocol) -> Self {
        let is_http_1 = protocol == Protocol::Http1;
        Self { served: Box::pin(served), is_http_1, watch, bell: None, in_vain: 0, rest: None }
    }

    /// Polls the connection; answers whether it woke itself meanwhile too.
    fn turn(&mut self, task: &Waker) -> (Poll<F::Output>, bool) {
        let (bell, waker) = match &mut self.bell {
            Some(bell) if bell.0.task.will_wake(task) => bell,
            other => other.insert(Bell::of(task)),
        };
        if bell.was_rung_outside.swap(false, Ordering::Relaxed) {
            self.in_vain = 0;
        }
        bell.is_inside.store(true, Ordering::Relaxed);
        let served = self.served.as_mut().poll(&mut Context::from_waker(waker));
        bell.is_inside.store(false, Ordering::Relaxed);
        (served, bell.was_rung_inside.swap(false, Ordering::Relaxed))
    }
}

impl<F: Future> Future for Calm<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if !self.is_http_1 {
            return self.served.as_mut().poll(cx);
        }
        self.rest = None;
        let (served, has_woken_itself) = self.turn(cx.waker());
        let was_asked = self.watch.take();
        if served.is_ready() || !has_woken_itself {
            return served;
        }
        self.in_vain = if was_asked { 0 } else { self.in_vain.saturating_add(1) };
        if self.in_vain > TRIES {
            let rest = self.rest.insert(Box::pin(tokio::time::sleep(REST)));
            if rest.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Wakes the task of a connection, and knows when the connection itself asked for that.
struct Bell {
    task: Waker,
    /// Where the connection lives.
    thread: ThreadId,
    /// Whether the connection is being polled, on its thread.
    is_inside: AtomicBool,
    was_rung_inside: AtomicBool,
    was_rung_outside: AtomicBool,
}

impl Bell {
    fn of(task: &Waker) -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self {
            task: task.clone(),
            thread: thread::current().id(),
            is_inside: AtomicBool::new(false),
            was_rung_inside: AtomicBool::new(false),
            was_rung_outside: AtomicBool::new(false),
        });
        (Arc::clone(&bell), bell.into())
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Another thread may see an old `is_inside`, but it is another thread.
        if self.is_inside.load(Ordering::Relaxed) && thread::current().id() == self.thread {
            self.was_rung_inside.store(true, Ordering::Relaxed);
        } else {
            self.was_rung_outside.store(true, Ordering::Relaxed);
            self.task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::poll_fn;
    use std::rc::Rc;

    use actix_http::{HttpService, Payload, Request, Response};
    use actix_service::fn_service;
    use futures_util::StreamExt;
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::super::pace::{paced, tell_pace};
    use super::*;

    /// A connection to a service that answers with the path and the length of the body; `/0` waits, and counts how often it
    /// is looked at.
    async fn connect(waited_for: oneshot::Receiver<()>, looks: &Rc<Cell<usize>>) -> DuplexStream {
        let (waited_for, looks) = (Rc::new(Cell::new(Some(waited_for))), Rc::clone(looks));
        let http =
            HttpService::build().on_connect_ext(tell_pace).finish(paced(fn_service(move |mut request: Request| {
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
        let service = calm(http).new_service(()).await.unwrap();
        let (client, stream) = duplex(1 << 20);
        actix_rt::spawn(service.call((stream, Protocol::Http1, None)));
        client
    }

    async fn length_of(body: Payload) -> usize {
        body.map(|piece| piece.unwrap().len()).fold(0, async |sum, length| sum + length).await
    }

    async fn read_to(client: &mut DuplexStream, wanted: &str) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            let mut buffer = [0; 4096];
            let length = client.read(&mut buffer).await.unwrap();
            text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        text
    }

    #[actix::test]
    async fn a_flood_behind_a_request_that_takes_its_time_is_not_looked_at_again_and_again() {
        tokio::time::pause();
        let looks = Rc::default();
        let (answer, waited_for) = oneshot::channel();
        let mut client = connect(waited_for, &looks).await;
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
        assert_eq!(began.elapsed(), Duration::ZERO, "nothing had to wait for a rest");
    }

    #[actix::test]
    async fn a_large_body_is_read_without_a_rest() {
        tokio::time::pause();
        let (_answer, waited_for) = oneshot::channel();
        let mut client = connect(waited_for, &Rc::default()).await;
        let began = Instant::now();

        client.write_all(b"POST /body HTTP/1.1\r\nhost: hub\r\ncontent-length: 16777216\r\n\r\n").await.unwrap();
        client.write_all(&vec![b'x'; 16 << 20]).await.unwrap();

        read_to(&mut client, "/body 16777216;").await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    /// Wakes itself so many times, each time after doing something; answers how long it took.
    async fn woken_by_itself(times: u32, watch: Watch, mut meanwhile: impl FnMut(&mut Context<'_>)) -> Duration {
        let (began, mut polls) = (Instant::now(), 0);
        let served = poll_fn(move |cx| {
            if polls == times {
                return Poll::Ready(());
            }
            polls += 1;
            meanwhile(cx);
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        Calm::new(served, watch, Protocol::Http1).await;
        began.elapsed()
    }

    #[actix::test]
    async fn a_wake_that_was_not_in_vain_after_all_is_made_up_for() {
        tokio::time::pause();
        let tries = u32::from(TRIES);
        assert_eq!(woken_by_itself(tries, Watch::default(), |_| {}).await, Duration::ZERO);

        let waited = woken_by_itself(tries + 3, Watch::default(), |_| {}).await;
        assert!((REST * 3..REST * 4).contains(&waited), "{waited:?}");
    }

    #[actix::test]
    async fn who_reads_or_is_woken_from_elsewhere_meanwhile_does_not_rest() {
        tokio::time::pause();
        let watch = Watch::default();
        let mut stream = Watched::new(tokio::io::repeat(b'x'), watch.clone());
        let read = move |cx: &mut Context<'_>| {
            let read = Pin::new(&mut stream).poll_read(cx, &mut ReadBuf::new(&mut [0; 8]));
            assert!(read.is_ready());
        };
        assert_eq!(woken_by_itself(100, watch, read).await, Duration::ZERO);

        let wake_from_elsewhere = |cx: &mut Context<'_>| {
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake()).join().unwrap();
        };
        assert_eq!(woken_by_itself(100, Watch::default(), wake_from_elsewhere).await, Duration::ZERO);
    }
}
