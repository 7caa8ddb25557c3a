//! Changes of alarms that meet a person, or a row that breaks its own rules.

use std::time::Instant;

use actix::prelude::*;
use serde_json::Value;
use tokio::sync::mpsc;

use super::super::super::entry::Entry;
use super::super::Observed;
use super::super::warden::WardenParts;
use super::super::watch::Sample;
use super::*;
use crate::broker::{Announce, BrokerError};
use crate::config::Alarms;
use crate::domain::alarm::{ConditionWords, RuleScope};
use crate::domain::grant::Role;
use crate::domain::ids::{LoginId, UserId};
use crate::observe::Metrics;
use crate::store::modules::StoredModule;
use crate::store::testing::{self, Scratch};

/// A broker that hands on what it gets.
struct Ear(mpsc::UnboundedSender<(String, Value)>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<Announce> for Ear {
    type Result = Result<(), BrokerError>;

    fn handle(&mut self, Announce(announced): Announce, _: &mut Self::Context) -> Self::Result {
        for Announced { event, .. } in announced {
            self.0.send((event.name.to_string(), serde_json::from_str(event.data.get()).unwrap())).unwrap();
        }
        Ok(())
    }
}

struct Bench {
    desk: Rc<Desk>,
    heard: mpsc::UnboundedReceiver<(String, Value)>,
    scratch: Scratch,
}

impl Bench {
    /// Two modules with a rule: too hot above 80.
    async fn new() -> Self {
        let scratch = Scratch::new();
        let (store, rule) = (scratch.store(), rule());
        let stored = rule.clone();
        let records = ["MC-1", "MC-2"].map(testing::module);
        let rows = records.clone();
        let storing = store.write(move |conn| {
            rows.iter().try_for_each(|row| modules::insert(conn, row).map(drop))?;
            alarm_rules::insert(conn, &stored)
        });
        storing.await.unwrap();
        let (told, heard) = mpsc::unbounded_channel();
        let options = Alarms { start_grace: Duration::ZERO, ..Alarms::default() };
        let desk = Rc::new(Desk::new(WardenParts {
            options,
            store,
            announce: Ear(told).start().recipient(),
            metrics: Metrics::default(),
            rules: vec![rule],
            standings: alarms::Standings::default(),
        }));
        desk.enter(records.map(|record| Arc::new(Entry::new(StoredModule::new(record, 1)))).into());
        Self { desk, heard, scratch }
    }

    fn observe(&self, module: &str, at: i64, value: f64) {
        let (measured, key) = (Timestamp::from_millis(at), Arc::from("t"));
        let samples = vec![Sample { key, measured, value }];
        self.desk.observe(&Observed { module_id: module.parse().unwrap(), came: measured, samples });
    }

    /// What is told next, and of which alarm.
    async fn next(&mut self) -> (String, AlarmId, String) {
        let next = tokio::time::timeout(Duration::from_secs(10), self.heard.recv()).await;
        let (name, data) = next.expect("something is told").unwrap();
        let text = |key: &str| data[key].as_str().unwrap().to_owned();
        (name, text("alarmId").parse().unwrap(), text("moduleId"))
    }

    /// Waits until nothing is to be stored.
    async fn settle(&self) {
        while self.desk.is_flushing.get() {
            tokio::task::yield_now().await;
        }
    }
}

fn rule() -> AlarmRule {
    let words = r#"{"kind": "threshold", "key": "t", "direction": "above", "limit": 80}"#;
    AlarmRule {
        id: RuleId::generate(),
        name: "Too hot".parse().unwrap(),
        severity: Severity::Warning,
        scope: RuleScope::Type("Station".parse().unwrap()),
        condition: serde_json::from_str::<ConditionWords>(words).unwrap().try_into().unwrap(),
        enabled: true,
        by: UserId::generate(),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    }
}

fn admin() -> Principal {
    Principal {
        user_id: UserId::generate(),
        login_id: LoginId::generate(),
        name: String::new(),
        email: String::new(),
        roles: vec![Role::Admin],
        expires_at: Timestamp::from_millis(0),
        read_at: Instant::now(),
        address: None,
    }
}

#[actix::test]
async fn a_person_who_clears_an_alarm_does_not_mute_the_next_one() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    bench.observe("MC-1", 1, 90.0);
    let (_, first, _) = bench.next().await;
    bench.settle().await;

    // The next alarm waits to be stored while somebody clears the first.
    bench.desk.is_flushing.set(true);
    bench.observe("MC-1", 2, 10.0);
    bench.observe("MC-1", 3, 91.0);
    bench.desk.clear(&admin(), &first).await.unwrap();
    bench.desk.is_flushing.set(false);
    bench.desk.kick();

    assert_eq!(bench.next().await, ("rt_alarm_cleared".into(), first, "MC-1".into()));
    let (name, second, _) = bench.next().await;
    assert_eq!(name, "rt_alarm_raised");
    bench.observe("MC-1", 4, 10.0);
    assert_eq!(bench.next().await, ("rt_alarm_cleared".into(), second, "MC-1".into()));
}

#[actix::test]
async fn a_change_that_cannot_be_stored_does_not_stop_the_others() {
    let mut bench = Bench::new().await;
    bench.settle().await;
    bench.observe("MC-1", 1, 90.0);
    bench.next().await;
    bench.settle().await;
    bench.scratch.say("UPDATE alarms SET condition = 'unreadable'");

    bench.observe("MC-1", 2, 10.0);
    bench.observe("MC-2", 2, 90.0);

    let (name, _, module) = bench.next().await;
    assert_eq!((name.as_str(), module.as_str()), ("rt_alarm_raised", "MC-2"));
    bench.settle().await;
    assert!(bench.desk.transitions.borrow().is_empty());
}
