//! Answers that an actor gives later than it reads what was asked, without a task that waits for them.
//!
//! A handler that returns a future has it polled by a task of its own, one for every message. One that returns a
//! [`Reply`] keeps the [`Promise`] of it where the answer will be known: whoever asked is told from there.
//!
//! Everything here lives on one thread, that of the actor.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Message};

/// What a handler returns for a message with the result `Result<T, E>`.
#[derive(Debug)]
pub struct Reply<T, E>(Kind<T, E>);

#[derive(Debug)]
enum Kind<T, E> {
    Now(Result<T, E>),
    Later(Rc<Slot<T, E>>),
}

/// An answer that somebody waits for; one that is dropped, as by an actor that ends, is the error it was made with.
#[derive(Debug)]
pub struct Promise<T, E> {
    slot: Rc<Slot<T, E>>,
    broken: fn() -> E,
}

/// What promise and reply share.
struct Slot<T, E>(Cell<State<T, E>>);

enum State<T, E> {
    /// Neither is the answer known nor whom to tell.
    Open,
    /// Who is to be told.
    Asked(OneshotSender<Result<T, E>>),
    /// What is to be told.
    Known(Result<T, E>),
    /// Nothing more is to be done.
    Done,
}

/// An answer that is given later, and the promise of it: `broken` is told if it is dropped.
#[must_use]
pub fn promise<T, E>(broken: fn() -> E) -> (Promise<T, E>, Reply<T, E>) {
    let slot = Rc::new(Slot(Cell::new(State::Open)));
    (Promise { slot: Rc::clone(&slot), broken }, Reply(Kind::Later(slot)))
}

impl<T, E> Promise<T, E> {
    /// Answers.
    pub fn keep(self, answer: Result<T, E>) {
        self.slot.answer(|| answer);
    }
}

impl<T, E> Drop for Promise<T, E> {
    fn drop(&mut self) {
        self.slot.answer(|| Err((self.broken)()));
    }
}

impl<T, E> Reply<T, E> {
    /// An answer that is known.
    #[must_use]
    pub const fn now(answer: Result<T, E>) -> Self {
        Self(Kind::Now(answer))
    }
}

impl<T, E> Slot<T, E> {
    /// Answers, unless that was done before.
    fn answer(&self, answer: impl FnOnce() -> Result<T, E>) {
        match self.0.replace(State::Done) {
            State::Open => self.0.set(State::Known(answer())),
            State::Asked(asker) => tell(asker, answer()),
            done @ (State::Known(_) | State::Done) => self.0.set(done),
        }
    }

    fn ask(&self, asker: OneshotSender<Result<T, E>>) {
        match self.0.replace(State::Done) {
            State::Open => self.0.set(State::Asked(asker)),
            State::Known(answer) => tell(asker, answer),
            done @ (State::Asked(_) | State::Done) => self.0.set(done),
        }
    }
}

fn tell<T, E>(asker: OneshotSender<Result<T, E>>, answer: Result<T, E>) {
    // Who asked may have gone.
    let _ = asker.send(answer);
}

impl<A, M, T, E> MessageResponse<A, M> for Reply<T, E>
where
    A: Actor,
    M: Message<Result = Result<T, E>>,
{
    fn handle(self, _: &mut A::Context, asker: Option<OneshotSender<Result<T, E>>>) {
        // Nobody waits for what was only said.
        let Some(asker) = asker else { return };
        match self.0 {
            Kind::Now(answer) => tell(asker, answer),
            Kind::Later(slot) => slot.ask(asker),
        }
    }
}

impl<T, E> fmt::Debug for Slot<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use actix::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Gone;

    /// Answers a question when the next one comes; stops at number 0.
    #[derive(Default)]
    struct Slow(Option<Promise<u8, Gone>>);

    #[derive(Message)]
    #[rtype(result = "Result<u8, Gone>")]
    struct Ask(u8);

    impl Actor for Slow {
        type Context = Context<Self>;
    }

    impl Handler<Ask> for Slow {
        type Result = Reply<u8, Gone>;

        fn handle(&mut self, Ask(number): Ask, ctx: &mut Self::Context) -> Self::Result {
            if number == 0 {
                ctx.stop();
                return Reply::now(Ok(0));
            }
            if let Some(earlier) = self.0.take() {
                earlier.keep(Ok(number));
            }
            let (promise, reply) = promise(|| Gone);
            self.0 = Some(promise);
            reply
        }
    }

    #[actix::test]
    async fn each_is_told_once_its_answer_is_known_and_of_a_promise_that_is_broken() {
        let slow = Slow::default().start();
        let (first, second) = (slow.send(Ask(1)), slow.send(Ask(2)));
        slow.do_send(Ask(3));
        let (first, second, last) = tokio::join!(first, second, slow.send(Ask(0)));
        assert_eq!((first.unwrap(), second.unwrap(), last.unwrap()), (Ok(2), Ok(3), Ok(0)));

        let slow = Slow::default().start();
        let asked = slow.send(Ask(1));
        let waiting = actix::spawn(asked);
        slow.send(Ask(0)).await.unwrap().unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), Err(Gone));

        let (kept, reply) = promise::<u8, Gone>(|| Gone);
        drop(reply);
        kept.keep(Ok(1));
        let (broken, Reply(Kind::Later(slot))) = promise::<u8, Gone>(|| Gone) else { panic!("known already") };
        let (asker, answer) = tokio::sync::oneshot::channel();
        slot.ask(asker);
        drop(broken);
        assert_eq!(answer.await.unwrap(), Err(Gone));
    }
}
