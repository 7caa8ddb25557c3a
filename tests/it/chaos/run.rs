//! One run: the storm, the calm after it, and the verdict.

use std::rc::Rc;
use std::time::Duration;

use carillon::config::Database;
use serde_json::Value;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::order::Order;
use super::plan::Plan;
use super::publish::{come_and_go, publish, publish_end, report};
use super::reaper::{Toll, free_address, reap, start};
use super::verdict::{Fault, judge_client, judge_journal, judge_modules};
use super::view::{Module, View};
use super::world::{Stage, World};
use crate::support::database::Intruder;
use crate::support::process::Scratch;

/// Something must happen within this time, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);
/// The newest values are there within this time after the last event.
const LAST_STATES: Duration = Duration::from_secs(20);
/// How often it is looked whether something has come true.
const LOOK: Duration = Duration::from_millis(50);
/// Lets the database of a hub keep every event in a place that the hub does not know.
const REMEMBER: &str = "PRAGMA busy_timeout = 10000; \
    CREATE TABLE remembered AS SELECT * FROM events; \
    CREATE TRIGGER remember AFTER INSERT ON events BEGIN INSERT INTO remembered SELECT * FROM events WHERE \"offset\" = new.\"offset\"; END;";
/// Puts back what the hub has forgotten, once it has ended.
const RECALL: &str = "DROP TRIGGER remember; INSERT OR IGNORE INTO events SELECT * FROM remembered;";
/// Faults that are told of many.
const TOLD: usize = 20;

/// Lets a run happen and fails if anything was not as it must be.
pub async fn run(plan: Plan) {
    // Who remembers what the hub forgets speaks SQLite's own language.
    let data = if plan.is_forgetful { Scratch::of_sqlite() } else { Scratch::new() };
    let hub = start(data.path(), &free_address(), plan).await;
    if plan.is_forgetful {
        Intruder::of(data.path()).say(REMEMBER);
    }
    let world = World::build(&hub, plan).await;
    let clients: Vec<_> = (0..plan.clients).map(|number| Client::new(&world, number)).collect();
    let listening = clients.iter().map(|client| spawn_local(Rc::clone(client).run(Rc::clone(&world)))).collect();
    let making = make(&world);
    let (mut hub, mut toll) = reap(&world, hub, data.path()).await;
    world.stage.send_replace(Stage::Spared);
    until(&world, &clients, "every client was cut as often as planned", |client| client.cuts_left.get()).await;

    world.stage.send_replace(Stage::Calm);
    join(making).await;
    let modules = settle(&world).await;
    let end = publish_end(&world).await;
    until(&world, &clients, "every client is past the end", |client| u32::from(!client.is_past(end))).await;
    let mut faults = until_true(&clients, &modules).await;
    toll.read(&world).await;
    world.stage.send_replace(Stage::Over);
    join(listening).await;
    hub.terminate();
    assert!(hub.exit().await.success(), "the hub goes in order");
    if plan.is_forgetful {
        Intruder::of(data.path()).say(RECALL);
    }

    faults.extend(judge(&world, &clients, &modules, &data.database()).await);
    tell(&world, &clients, &toll, &faults);
}

/// Holds everything against the journal.
async fn judge(world: &World, clients: &[Rc<Client>], modules: &[Value], database: &Database) -> Vec<Fault> {
    let order = Order::read(database).await;
    let mut faults = judge_journal(&order, world);
    faults.extend(judge_modules(&order, modules));
    let (mut each, mut latest, mut gaps) = (0, 0, 0);
    for client in clients {
        let (found, tally) = judge_client(&order, world, client);
        faults.extend(found);
        (each, latest, gaps) = (each + tally.each, latest + tally.latest, gaps + tally.gaps);
    }
    match (world.plan.is_forgetful, gaps) {
        (true, 0) => faults.push(Fault::new("nobody was told of a gap though the journal forgets")),
        (false, 1..) => faults.push(Fault::new(format!("{gaps} gaps though everything is in the journal"))),
        _ => {}
    }
    let rows = order.len();
    print(&format!("{rows} events in the journal; {each} heard, and {latest} newest values; {gaps} gaps"));
    faults
}

/// Says what there was, and fails if anything was wrong.
fn tell(world: &World, clients: &[Rc<Client>], toll: &Toll, faults: &[Fault]) {
    let Plan { seed, cuts, .. } = world.plan;
    let welcomes: u32 = clients.iter().map(|client| client.welcomes.get()).sum();
    let resumes: u32 = clients.iter().map(|client| client.resumes.get()).sum();
    let Toll { kills, stops, behind } = toll;
    let clients = clients.len();
    print(&format!("seed {seed}: {clients} clients, {cuts} cuts each, {kills} kills, {stops} stops"));
    print(&format!("{welcomes} connections, {resumes} resumed; {behind} times behind"));
    let told: Vec<_> = faults.iter().take(TOLD).map(|fault| format!("\n  {fault}")).collect();
    assert!(faults.is_empty(), "seed {seed}: {} faults:{}", faults.len(), told.concat());
    assert!(resumes > 0, "seed {seed}: nobody resumed");
}

#[expect(clippy::print_stdout, reason = "for whoever runs it by hand; `cargo test` shows it only with a failure")]
fn print(line: &str) {
    println!("{line}");
}

fn make(world: &Rc<World>) -> Vec<JoinHandle<()>> {
    let mut making: Vec<_> = (0..2).map(|admin| spawn_local(publish(Rc::clone(world), admin))).collect();
    making.extend((0..2).map(|maker| spawn_local(come_and_go(Rc::clone(world), maker))));
    let stations = world.stations.iter().cloned();
    making.extend(stations.map(|station| spawn_local(report(Rc::clone(world), station))));
    making
}

async fn join(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        tokio::time::timeout(PATIENCE, task).await.expect("it ends in time").expect("it ends well");
    }
}

/// Waits until nobody is left of whom something must come true; a long time without a change is a failure.
async fn until(world: &World, clients: &[Rc<Client>], what: &str, left: impl Fn(&Client) -> u32) {
    let count = || clients.iter().map(|client| left(client)).collect::<Vec<_>>();
    let (mut before, mut changed) = (count(), Instant::now());
    while before.iter().any(|left| *left > 0) {
        sleep(LOOK).await;
        let now = count();
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        if changed.elapsed() > PATIENCE {
            let seed = world.plan.seed;
            let late = clients.iter().filter(|client| left(client) > 0);
            let late: Vec<_> = late.map(|client| format!("\n  {}", Fault::of(client, client.standing()))).collect();
            panic!("seed {seed}: not so: {what}; {} are left:{}", late.len(), late.concat());
        }
    }
}

/// Waits until all devices are off line, and reads the modules as they are then.
async fn settle(world: &World) -> Vec<Value> {
    world.until_up().await;
    let started = Instant::now();
    loop {
        let modules = modules(world).await;
        if modules.iter().all(|module| module["status"] == "offline") {
            return modules;
        }
        assert!(started.elapsed() < PATIENCE, "seed {}: not all devices went off line", world.plan.seed);
        sleep(LOOK).await;
    }
}

async fn modules(world: &World) -> Vec<Value> {
    let mut modules = Vec::new();
    for page in 1.. {
        let list = world.get(world.admin(), &format!("/api/v1/modules?perPage=100&page={page}")).await;
        let items = list["items"].as_array().expect("a list");
        if items.is_empty() {
            break;
        }
        modules.extend(items.iter().cloned());
    }
    modules
}

/// What a client knows when it knows everything of its topics.
fn truth_of(client: &Client, modules: &[Value]) -> View {
    let mut truth = View::default();
    for module in modules {
        let id = module["moduleId"].as_str().expect("an id");
        let may_see = client.person.is_admin || module["userId"] == client.person.id.as_str();
        if may_see && client.watches(id) {
            truth.insert(id.to_owned(), Module::of(module));
        }
    }
    truth
}

/// Waits until every client knows what is true; answers whoever does not.
async fn until_true(clients: &[Rc<Client>], modules: &[Value]) -> Vec<Fault> {
    let wrong = || {
        let all = clients.iter().flat_map(|client| {
            let known = client.view.borrow().clone();
            let wrong = known.differs_from(&truth_of(client, modules));
            wrong.into_iter().map(|what| Fault::of(client, what)).collect::<Vec<_>>()
        });
        all.collect::<Vec<_>>()
    };
    let started = Instant::now();
    while !wrong().is_empty() && started.elapsed() < LAST_STATES {
        sleep(LOOK).await;
    }
    wrong()
}
