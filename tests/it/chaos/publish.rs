//! Those who make something happen: admins who publish, modules that come and go, devices that report.

use std::rc::Rc;
use std::time::Duration;

use carillon::domain::cursor::Offset;
use futures_util::{SinkExt, StreamExt};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::world::{Ack, Person, Station, World};
use crate::support::try_open;

/// The custom topics of a run.
pub const CUSTOM: [&str; 3] = ["custom:a", "custom:b", "custom:c"];
/// The topic of the last event, which every client listens to.
pub const END: &str = "custom:end";
/// How fast one publisher goes on.
const PACE: Duration = Duration::from_millis(4);
/// Modules that come and go, of each of those who make them.
const GUESTS: u64 = 4;

/// Publishes custom events to all kinds of topics until the storm is over.
pub async fn publish(world: Rc<World>, publisher: usize) {
    let mut dice = world.plan.dice(("publisher", publisher));
    let person = &world.people[publisher];
    while world.is_stormy() {
        let topic = topic(&world, &mut dice);
        let size = match dice.random_range(0..10) {
            0 => dice.random_range(5_000..20_000),
            1..4 => dice.random_range(200..5000),
            _ => dice.random_range(0..200),
        };
        if !say(&world, person, "rt_chaos", &topic, size).await {
            world.until_up().await;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Publishes the last event of a run; answers its place.
pub async fn publish_end(world: &World) -> Offset {
    assert!(say(world, world.admin(), "rt_chaos_end", END, 0).await, "the hub takes the last event");
    world.acks.borrow().last().and_then(|ack| ack.offset).expect("the answer says where it is")
}

/// Publishes one event; answers whether it was acknowledged.
async fn say(world: &World, person: &Person, event: &str, topic: &str, size: usize) -> bool {
    let number = world.number();
    let data = json!({"number": number, "to": topic, "filler": "x".repeat(size)});
    let body = json!({"event": event, "topic": topic, "data": data});
    let answer = world.ask(person, "POST", "/api/v1/events", Some(body)).await;
    world.progress.send_modify(|progress| *progress += 1);
    let Some(answer) = answer.filter(|answer| answer.status == 202) else { return false };
    let offset = serde_json::from_str(&answer.text).ok().and_then(|answer: Value| answer["offset"].as_u64());
    world.acks.borrow_mut().push(Ack { number, offset });
    true
}

fn topic(world: &World, dice: &mut StdRng) -> String {
    match dice.random_range(0..10) {
        0 => "admin".to_owned(),
        1 => "dashboard".to_owned(),
        2 => format!("user:{}", world.people[dice.random_range(0..world.people.len())].id),
        3 => format!("module:{}", world.stations[dice.random_range(0..world.stations.len())].id),
        _ => CUSTOM[dice.random_range(0..CUSTOM.len())].to_owned(),
    }
}

/// Makes, renames, hands over and removes modules until the storm is over.
pub async fn come_and_go(world: Rc<World>, maker: usize) {
    let mut dice = world.plan.dice(("maker", maker));
    let owners: Vec<_> = world.owners().map(|(_, person)| person.id.clone()).collect();
    while world.is_stormy() {
        let id = format!("GUEST-{maker}-{}", dice.random_range(0..GUESTS));
        let path = format!("/api/v1/modules/{id}");
        let owner = &owners[dice.random_range(0..owners.len())];
        let name = format!("Guest {}", world.number());
        let (event, method, path, body) = match dice.random_range(0..8) {
            0..3 => {
                let module = json!({"moduleId": id, "name": name, "type": "Guest", "userId": owner});
                ("rt_module_added", "POST", "/api/v1/modules", Some(module))
            }
            3 => ("rt_module_updated", "PATCH", path.as_str(), Some(json!({"name": name}))),
            4 => ("rt_module_updated", "PATCH", path.as_str(), Some(json!({"name": name, "userId": owner}))),
            _ => ("rt_module_removed", "DELETE", path.as_str(), None),
        };
        let answer = world.ask(world.admin(), method, path, body).await;
        world.progress.send_modify(|progress| *progress += 1);
        match answer.map(|answer| answer.status) {
            Some(200..300) => world.changes.borrow_mut().push((event, id)),
            Some(_) => {}
            None => world.until_up().await,
        }
        tokio::time::sleep(PACE * 4).await;
    }
}

/// A device that connects, reports a few times and goes, until the storm is over.
pub async fn report(world: Rc<World>, station: Station) {
    let mut dice = world.plan.dice(("device", &station.id));
    while world.is_stormy() {
        let readings = dice.random_range(1..30);
        if visit(&world, &station, readings).await.is_none() {
            world.until_up().await;
        }
        // Often it stays away over the next death of the hub.
        world.let_pass(dice.random_range(0..120)).await;
    }
}

/// One connection of a device; none if the hub went meanwhile.
async fn visit(world: &World, station: &Station, readings: u32) -> Option<()> {
    let bearer = format!("Bearer {}", station.token);
    let mut socket = try_open(&world.authority, "/ws/module", &[("authorization", &bearer)]).await.ok()?;
    for _ in 0..readings {
        let number = world.number();
        let telemetry = json!({"n": number, "unit": "m"});
        let frame = json!({"type": "telemetry", "id": number, "telemetry": telemetry});
        socket.send(Message::text(frame.to_string())).await.ok()?;
        loop {
            match socket.next().await?.ok()? {
                Message::Text(text) if text.contains("\"ack\"") => break,
                Message::Close(_) => return None,
                _ => {}
            }
        }
        world.readings.borrow_mut().insert(number);
        world.progress.send_modify(|progress| *progress += 1);
        if !world.is_stormy() {
            break;
        }
        tokio::time::sleep(PACE).await;
    }
    // The other side may be gone already.
    let _ = socket.close(None).await;
    Some(())
}
