//! Clients of every dialect on overlapping topics, while sockets are cut, clients stall and the hub is killed: nothing is
//! lost, doubled or reordered, no gap goes unannounced, and nobody hears what is not for them.
//!
//! Small by itself; large by hand, on an optimised build:
//!
//! ```sh
//! CARILLON_CHAOS_CLIENTS=1000 CARILLON_CHAOS_CUTS=100 CARILLON_CHAOS_KILLS=20 cargo test --release --test it chaos -- --nocapture
//! ```
//!
//! Everything random follows from a seed, which a failure tells; `CARILLON_CHAOS_SEED` gives the same topics, cuts and
//! deaths again, though not the same interleaving.

mod cable;
mod client;
mod line;
mod order;
mod plan;
mod publish;
mod reaper;
mod run;
mod topics;
mod transcript;
mod verdict;
mod view;
mod world;

use plan::Plan;

#[actix::test]
async fn every_gap_is_told_when_the_journal_forgets() {
    run::run(Plan { is_forgetful: true, ..Plan::from_environment() }).await;
}

#[actix::test]
async fn nothing_is_lost_doubled_or_reordered_while_sockets_are_cut_and_the_hub_is_killed() {
    run::run(Plan::from_environment()).await;
}
