//! How events get their places: states at once, what each must get after its commit.

use std::rc::Rc;
use std::time::Instant;

use super::super::waiting::Outcomes;
use super::*;
use crate::domain::cursor::Offset;
use crate::reply::{Reply, promise};
use crate::store::announcements::Announced;

impl Broker {
    /// Lets an event wait for its turn, or answers why it may not.
    fn add(&mut self, waiting: Waiting, ctx: &mut Context<Self>) {
        let error = if self.is_closed || !self.closing.is_empty() {
            BrokerError::Stopped
        } else if self.waiting.has_room_for(&waiting.event, waiting.announcement.as_ref()) {
            self.waiting.add(waiting);
            return self.take_turn(ctx);
        } else {
            BrokerError::Full
        };
        waiting.answer.tell(Err(error));
    }

    /// Orders, once all that waits in the mailbox has been read.
    fn take_turn(&mut self, ctx: &mut Context<Self>) {
        if !self.has_turn {
            self.has_turn = true;
            ctx.notify(Turn);
        }
    }

    /// Tells the newest values that have come, as far as there are places for them.
    fn tell_latest(&mut self, ctx: &mut Context<Self>) {
        let (epoch, mut events, mut answers) = (self.epoch(), Vec::new(), Vec::new());
        while self.waiting.has_latest() {
            let Some(place) = self.places.take() else { break };
            let Some(Waiting { event, answer, .. }) = self.waiting.take_latest() else { break };
            events.push(Arc::new(event.stamped(epoch, place)));
            answers.push(answer);
        }
        if events.is_empty() {
            return;
        }
        self.fan_out(&events, ctx);
        for (event, answer) in events.iter().zip(answers) {
            answer.tell(Ok(event.offset()));
        }
    }

    /// Commits all that waits for the journal, unless a commit is under way or has just failed.
    fn commit(&mut self, ctx: &mut Context<Self>) {
        let rests = self.is_resting && self.closing.is_empty();
        if self.is_committing || rests {
            return;
        }
        let waiting = self.waiting.take_each();
        if waiting.is_empty() {
            return;
        }
        let Some(first) = self.places.begin_batch(waiting.len()) else {
            tracing::error!(events = waiting.len(), "events get no places until the database has reserved more");
            return self.refuse(waiting, ctx);
        };
        let (epoch, mut batch, mut answers) = (self.epoch(), Vec::new(), Vec::new());
        for (Waiting { event, announcement, answer }, place) in waiting.into_iter().zip(first..) {
            batch.push(Entry { event: Arc::new(event.stamped(epoch, place)), announcement });
            answers.push(answer);
        }
        let batch: Arc<[Entry]> = batch.into();
        self.is_committing = true;
        let started = Instant::now();
        let commit = self.journal.append(Arc::clone(&batch)).into_actor(self);
        ctx.spawn(commit.map(move |result, broker, ctx| {
            broker.is_committing = false;
            broker.places.end_batch();
            broker.metrics.journal_committed(started.elapsed());
            match result {
                Ok(appended) => broker.committed(&batch, appended, answers, ctx),
                Err(JournalError) => broker.refused(&batch, answers, ctx),
            }
        }));
    }

    fn committed(&mut self, batch: &[Entry], appended: Vec<Appended>, answers: Vec<Answer>, ctx: &mut Context<Self>) {
        let new: Vec<_> = appended.into_iter().flatten().collect();
        if !new.is_empty() {
            self.fan_out(&new, ctx);
        }
        for (entry, answer) in batch.iter().zip(answers) {
            answer.tell(Ok(entry.event.offset()));
        }
        self.take_turn(ctx);
    }

    fn refused(&mut self, batch: &[Entry], answers: Vec<Answer>, ctx: &mut Context<Self>) {
        let waiting = batch.iter().zip(answers).map(|(Entry { event, announcement }, answer)| Waiting {
            event: event.what.clone(),
            announcement: announcement.clone(),
            answer,
        });
        self.refuse(waiting.collect(), ctx);
    }

    /// Lets announcements wait, whose changes cannot be taken back, and takes no more of the others.
    fn refuse(&mut self, waiting: Vec<Waiting>, ctx: &mut Context<Self>) {
        self.metrics.journal_refused(waiting.len() as u64);
        let is_open = self.closing.is_empty();
        let (kept, refused): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|one| is_open && one.announcement.is_some());
        refused.into_iter().for_each(|one| one.answer.tell(Err(JournalError.into())));
        if kept.is_empty() {
            return self.take_turn(ctx);
        }
        self.waiting.put_back(kept);
        self.is_resting = true;
        ctx.run_later(COMMIT_AGAIN, |broker, ctx| {
            broker.is_resting = false;
            broker.take_turn(ctx);
        });
    }

    /// Has more places reserved while there are enough left.
    fn reserve(&mut self, ctx: &mut Context<Self>) {
        let is_needless = self.is_reserving || !self.closing.is_empty();
        let Some(wanted) = self.places.wants().filter(|_| !is_needless) else { return };
        self.is_reserving = true;
        let reserved = self.journal.reserve(wanted).into_actor(self);
        ctx.spawn(reserved.map(move |result, broker, ctx| match result {
            Ok(()) => broker.reserved(wanted, ctx),
            Err(JournalError) => {
                broker.refuse_latest();
                ctx.run_later(RESERVE_AGAIN, |broker, ctx| {
                    broker.is_reserving = false;
                    broker.take_turn(ctx);
                });
            }
        }));
    }

    /// Refuses the values that wait because all places are given away.
    fn refuse_latest(&mut self) {
        if self.is_committing {
            return;
        }
        while let Some(waiting) = self.waiting.take_latest() {
            waiting.answer.tell(Err(JournalError.into()));
        }
    }

    fn reserved(&mut self, up_to: Offset, ctx: &mut Context<Self>) {
        self.is_reserving = false;
        if !self.is_closed {
            self.places.renewed(up_to);
            self.take_turn(ctx);
        }
    }

    /// Notes where the order ends, when nothing waits any more.
    fn close(&mut self, ctx: &mut Context<Self>) {
        let is_done = self.waiting.is_empty() && !self.is_committing && !self.is_reserving;
        if self.is_closed || self.closing.is_empty() || !is_done {
            return;
        }
        self.is_closed = true;
        let closed = self.journal.reserve(self.places.close()).into_actor(self);
        // What could not be noted stays reserved: the next start goes on behind it.
        ctx.spawn(closed.map(|_, broker, _| broker.tell_closed()));
    }

    fn tell_closed(&mut self) {
        for closing in self.closing.drain(..) {
            // Who asked may have gone.
            let _ = closing.send(());
        }
    }
}

impl Handler<Publish> for Broker {
    type Result = Reply<Offset, BrokerError>;

    fn handle(&mut self, Publish(event): Publish, ctx: &mut Self::Context) -> Self::Result {
        let (promise, reply) = promise(|| BrokerError::Stopped);
        self.add(Waiting { event, announcement: None, answer: Answer::One(promise) }, ctx);
        reply
    }
}

impl Handler<PublishAll> for Broker {
    type Result = ResponseFuture<Vec<Result<Offset, BrokerError>>>;

    fn handle(&mut self, PublishAll(events): PublishAll, ctx: &mut Self::Context) -> Self::Result {
        let (outcomes, told) = Outcomes::of(events.len());
        for (index, event) in events.into_iter().enumerate() {
            let answer = Answer::Part(Rc::clone(&outcomes), index);
            self.add(Waiting { event, announcement: None, answer }, ctx);
        }
        Box::pin(async move { told.await.unwrap_or_default() })
    }
}

impl Handler<Announce> for Broker {
    type Result = ResponseFuture<Result<(), BrokerError>>;

    fn handle(&mut self, Announce(announced): Announce, ctx: &mut Self::Context) -> Self::Result {
        let (outcomes, told) = Outcomes::of(announced.len());
        for (index, Announced { id, event, .. }) in announced.into_iter().enumerate() {
            let answer = Answer::Part(Rc::clone(&outcomes), index);
            self.add(Waiting { event, announcement: Some(id), answer }, ctx);
        }
        Box::pin(async move {
            told.await.map_err(|_| BrokerError::Stopped)?.into_iter().try_for_each(|outcome| outcome.map(drop))
        })
    }
}

impl Handler<Turn> for Broker {
    type Result = ();

    fn handle(&mut self, _: Turn, ctx: &mut Self::Context) {
        self.has_turn = false;
        self.tell_latest(ctx);
        self.commit(ctx);
        self.reserve(ctx);
        self.close(ctx);
    }
}

impl Handler<CloseOrder> for Broker {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: CloseOrder, ctx: &mut Self::Context) -> Self::Result {
        let (closing, closed) = oneshot::channel();
        self.closing.push(closing);
        if self.is_closed {
            self.tell_closed();
        } else {
            self.take_turn(ctx);
        }
        // A broker that is gone has nothing left to note.
        Box::pin(async move { closed.await.unwrap_or_default() })
    }
}
