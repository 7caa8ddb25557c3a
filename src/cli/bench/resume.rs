use std::{path::Path, time::Duration};

use clap::Args;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{
    audience::Mark,
    limits::ROOM,
    order::OrderCheck,
    own_hub::OwnHub,
    process::Usage,
    progress,
    report::{Latencies, Report},
    target::Target,
    wire::{Frame, WireSocket},
};
use crate::{
    cli::{CliError, client::ClientError},
    domain::{
        cursor::{Cursor, Epoch, Offset},
        event::{Delivery, Event, NewEvent, json as payload},
        time::Timestamp,
        topic::Channel,
    },
    store::{Options, Store, StoreError, events, order},
};

const TOPIC: &str = "custom:bench";
/// Events that are written in one commit.
const BATCH: u64 = 10_000;
/// A resume takes no longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);
/// The smallest ring there is: what was missed has to come from the table.
const SMALL_RING: &str = "16";

/// Clients that come back to a long journal: processor time of each
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// Events in the journal
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    journal: u64,
    /// Events that each client has missed
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    missed: u64,
    /// Clients that come back, one after the other
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    resumes: u32,
    /// Bytes of an event's data
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(64..=60_000))]
    size: u32,
}

/// What one kind of coming back cost.
struct Round {
    used: Option<Usage>,
    latencies: Latencies,
    lost: u64,
    doubled: u64,
    gaps: u64,
}

/// Fills a journal, then lets clients come back to it: from memory, and from the table.
pub async fn measure(args: &ResumeArgs) -> Result<Report, CliError> {
    let missed = args.missed.min(args.journal);
    let hub = OwnHub::prepare(&ROOM)?.with("CARILLON__JOURNAL__MAX_EVENTS", "1000000000");
    let filling = Instant::now();
    let epoch = fill(&hub.database(), args).await.map_err(|error| CliError::Failed(error.to_string()))?;
    let filled = filling.elapsed();

    let starting = Instant::now();
    let target = Target::start(hub).await?;
    let started = starting.elapsed();
    let nothing = args.resume(&target, epoch, 0).await?;
    let ring = args.resume(&target, epoch, missed).await?;
    let memory = target.usage()?;
    let Some(hub) = target.close().await? else { return Err(CliError::Failed("there is no hub".to_owned())) };
    let target = Target::start(hub.with("CARILLON__BROKER__RING", SMALL_RING)).await?;
    let table = args.resume(&target, epoch, missed).await?;
    target.close().await?;

    let mut report = Report::new("resume");
    report.count("journal", "events in the journal", args.journal);
    report.figure("fillSeconds", "  written in", filled.as_secs_f64(), "s");
    report.figure("startSeconds", "  the hub ready after", started.as_secs_f64(), "s");
    report.count("missed", "events missed by each client", missed);
    report.count("resumes", "clients that came back", args.resumes.into());
    args.report(&mut report, &nothing, ["connectCpuMs", "server CPU of coming back alone"], None);
    let names = [("ringP50Ms", "  all there p50"), ("ringP99Ms", "  all there p99"), ("ringMaxMs", "  all there max")];
    args.report(&mut report, &ring, ["ringCpuMs", "server CPU of each, from memory"], Some(names));
    let names =
        [("tableP50Ms", "  all there p50"), ("tableP99Ms", "  all there p99"), ("tableMaxMs", "  all there max")];
    args.report(&mut report, &table, ["tableCpuMs", "server CPU of each, from the table"], Some(names));
    if let Some(memory) = memory {
        report.figure("serverRssMib", "server memory in all (RSS)", memory.resident as f64 / f64::from(1 << 20), "MiB");
    }
    let all = [nothing, ring, table];
    report.must_be_none("lost", "lost", all.iter().map(|round| round.lost).sum());
    report.must_be_none("doubled", "doubled or out of order", all.iter().map(|round| round.doubled).sum());
    report.must_be_none("gaps", "gaps told", all.iter().map(|round| round.gaps).sum());

    Ok(report)
}

impl ResumeArgs {
    /// Lets clients come back that have seen all but the last `missed` events.
    async fn resume(&self, target: &Target, epoch: Epoch, missed: u64) -> Result<Round, CliError> {
        let cursor = Cursor { epoch, offset: self.journal - missed };
        let bar = progress(self.resumes as usize, "coming back");
        let mut round = Round { used: None, latencies: Latencies::new(), lost: 0, doubled: 0, gaps: 0 };
        let before = target.usage()?;
        for index in 0..self.resumes {
            let began = Instant::now();
            let coming = come_back(target, index as usize, cursor, missed, self.journal, &mut round);
            timeout(PATIENCE, coming).await.map_err(|_| CliError::Failed("a client did not get all".to_owned()))??;
            round.latencies.record(began.elapsed());
            bar.inc(1);
        }
        bar.finish_and_clear();
        round.used = before.zip(target.usage()?).map(|(before, after)| after - before);

        Ok(round)
    }

    fn report(
        &self,
        report: &mut Report,
        round: &Round,
        [key, label]: [&'static str; 2],
        names: Option<[(&'static str, &'static str); 3]>,
    ) {
        if let Some(used) = round.used {
            let each = used.processor().as_secs_f64() * 1000.0 / f64::from(self.resumes);
            report.figure(key, label, each, "ms");
        }
        if let Some(names) = names {
            report.latencies(names, &round.latencies);
        }
    }
}

/// One client that comes back and stays until it has everything.
async fn come_back(
    target: &Target,
    index: usize,
    cursor: Cursor,
    missed: u64,
    journal: u64,
    round: &mut Round,
) -> Result<(), ClientError> {
    let mut socket = WireSocket::connect(&target.destination, index, "/ws", &target.session.access_token).await?;
    let hello = json!({ "type": "hello", "cursor": cursor.to_string(), "topics": [TOPIC] });
    socket.send(&hello.to_string()).await?;
    let (mut check, mut heard, mut is_welcomed) = (OrderCheck::default(), 0, false);
    while !is_welcomed || heard < missed {
        socket
            .read(|frame| {
                let Frame::Text(text) = frame else { return };
                if let Some(mark) = Mark::find(text) {
                    heard += 1;
                    check.see(0, mark.number + missed - journal);
                } else if text.starts_with(br#"{"type":"gap""#) {
                    round.gaps += 1;
                    heard = missed;
                } else {
                    is_welcomed = true;
                }
            })
            .await?;
    }
    round.lost += check.lost(0, missed);
    round.doubled += check.doubled() + check.reordered();

    Ok(())
}

/// Writes a journal as a hub leaves it; answers the epoch of its order.
async fn fill(database: &Path, args: &ResumeArgs) -> Result<Epoch, StoreError> {
    let store = Store::open(database, &Options::default())?;
    let epoch = store.write(order::open).await?.epoch;
    let bar = progress(args.journal as usize, "writing the journal");
    let mut first = 0;
    while first < args.journal {
        let last = args.journal.min(first + BATCH);
        let batch: Vec<_> = (first..last).map(|number| event(epoch, number, args.size as usize)).collect();
        store.write(move |conn| events::append(conn, &batch)).await?;
        bar.inc(last - first);
        first = last;
    }
    let reserved = args.journal;
    store.write(move |conn| order::reserve(conn, reserved)).await?;
    bar.finish_and_clear();

    Ok(epoch)
}

/// Event number `number`, at the place after its number.
fn event(epoch: Epoch, number: u64, size: usize) -> Event {
    let mark = json!({ "stream": 0, "number": number, "dueUs": 0, "pad": "x".repeat(size.saturating_sub(60)) });
    // The name is a constant that is one.
    #[expect(clippy::expect_used, reason = "a constant name")]
    let name = "rt_bench".parse().expect("it is the name of an event");
    let audience = vec![Channel::Custom("bench".into())];
    let new = NewEvent { name, delivery: Delivery::Each, audience, data: payload(&mark), at: Timestamp::now() };
    let offset: Offset = number + 1;

    new.stamped(epoch, offset)
}
