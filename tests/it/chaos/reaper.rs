//! Who kills the hub and starts it again, on the same data and at the same address.

use std::net::TcpListener;
use std::path::Path;
use std::rc::Rc;

use rand::Rng;
use rand::seq::SliceRandom;

use super::plan::Plan;
use super::world::World;
use crate::support::Answer;
use crate::support::process::TestProcess;

/// Events between two deaths.
const LIFE: std::ops::Range<u64> = 100..700;

/// Events that the journal of a forgetful run keeps, and that of any other.
const FEW: &str = "32";
const MANY: &str = "1000000";

/// An address that is free now and stays the same over all lives.
pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Starts the hub of a run: small marks, so that stalled clients fall behind soon; a small ring, so that the journal is
/// needed.
pub async fn start(data: &Path, address: &str, plan: Plan) -> TestProcess {
    let kept = if plan.is_forgetful { FEW } else { MANY };
    let environment = [
        ("CARILLON__JOURNAL__MAX_EVENTS", kept),
        ("CARILLON__HTTP__LISTEN", address),
        ("CARILLON__STORE__SYNCHRONOUS", "normal"),
        ("CARILLON__AUTH__ACCESS_LIFETIME", "12h"),
        ("CARILLON__SOCKET__MAX_PER_USER", "100000"),
        ("CARILLON__SOCKET__HIGH_WATER", "8192"),
        ("CARILLON__SOCKET__LOW_WATER", "2048"),
        ("CARILLON__BROKER__RING", "64"),
        ("CARILLON__SHUTDOWN__SPREAD", "500ms"),
    ];
    TestProcess::start_with(data, &environment).await
}

/// What the hub told of itself before its deaths.
#[derive(Debug, Default)]
pub struct Toll {
    /// How often it was killed.
    pub kills: u32,
    /// How often it was stopped in order.
    pub stops: u32,
    /// How often a client fell behind.
    pub behind: f64,
}

impl Toll {
    /// Adds what a living hub tells.
    pub async fn read(&mut self, world: &World) {
        let Some(figures) = Answer::attempt(&world.authority, "GET", "/metrics", "", None).await else { return };
        let line = figures.text.lines().find_map(|line| line.strip_prefix("carillon_clients_behind_total"));
        self.behind += line.and_then(|figure| figure.trim().parse::<f64>().ok()).unwrap_or_default();
    }
}

/// Lets the hub live for a while, ends it and starts it again, as often as the plan says.
pub async fn reap(world: &Rc<World>, mut hub: TestProcess, data: &Path) -> (TestProcess, Toll) {
    let mut dice = world.plan.dice("reaper");
    let kills = world.plan.kills;
    let mut ends: Vec<_> = (0..kills + kills.div_ceil(4)).map(|number| number < kills).collect();
    ends.shuffle(&mut dice);
    let mut toll = Toll::default();
    for is_kill in ends {
        // Some die as soon as they listen.
        if dice.random_ratio(5, 6) {
            world.let_pass(dice.random_range(LIFE)).await;
        }
        toll.read(world).await;
        if is_kill {
            toll.kills += 1;
            hub.kill().await;
        } else {
            toll.stops += 1;
            hub.terminate();
            assert_eq!(hub.exit().await.code(), Some(0), "a hub that is told to go goes in order");
        }
        world.lives.send_modify(|lives| *lives += 1);
        hub = start(data, &world.authority, world.plan).await;
        world.lives.send_modify(|lives| *lives += 1);
    }
    (hub, toll)
}
