//! The order as the hub's journal has it, and what follows from it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound::{Excluded, Included};

use carillon::config::Database;
use carillon::domain::cursor::{Cursor, Epoch, Offset};
use carillon::domain::event::NewEvent;
use carillon::domain::topic::Channel;
use carillon::store::events::{self, Page};
use carillon::store::{Options, Store, order};
use serde_json::Value;

use super::transcript::{Mark, mark};

/// Every event that each listener must get, by its place.
#[derive(Debug)]
pub struct Order {
    /// Which order.
    pub epoch: Epoch,
    rows: BTreeMap<Offset, Row>,
    /// Who owned a module from which place on.
    owners: HashMap<String, BTreeMap<Offset, Option<String>>>,
}

/// One event of the journal.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Who hears it.
    pub audience: Vec<Channel>,
    /// Its payload.
    pub data: Value,
    /// Its mark.
    pub mark: Mark,
}

impl Order {
    /// The order as a hub that has ended leaves it.
    pub async fn read(database: &Database) -> Self {
        let store = Store::open(database, &Options::default()).expect("the database can be opened");
        let read = store.read(|conn| {
            let epoch = order::open(conn)?.epoch;
            let all = Page { events: usize::MAX, bytes: usize::MAX };
            Ok((epoch, events::after(conn, epoch, 0, all)?))
        });
        let (epoch, events) = read.await.expect("the journal can be read");
        Self::new(epoch, events.iter().map(|event| (event.offset(), Row::of(&event.what))))
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The order of these rows.
    fn new(epoch: Epoch, rows: impl IntoIterator<Item = (Offset, Row)>) -> Self {
        let rows: BTreeMap<_, _> = rows.into_iter().collect();
        let mut owners: HashMap<String, BTreeMap<Offset, Option<String>>> = HashMap::new();
        for (offset, row) in &rows {
            let owner = match row.name.as_str() {
                "rt_module_added" | "rt_module_updated" => row.data["userId"].as_str().map(str::to_owned),
                "rt_module_removed" => None,
                _ => continue,
            };
            let module = row.data["moduleId"].as_str().unwrap_or_default().to_owned();
            owners.entry(module).or_default().insert(*offset, owner);
        }
        Self { epoch, rows, owners }
    }

    /// The event at a place.
    pub fn at(&self, cursor: Cursor) -> Option<&Row> {
        self.rows.get(&cursor.offset).filter(|_| cursor.epoch == self.epoch)
    }

    /// The events after one place and up to another that somebody who hears these channels must get.
    pub fn between(
        &self,
        after: Offset,
        up_to: Offset,
        channels: &HashSet<Channel>,
    ) -> impl Iterator<Item = (Offset, &Row)> {
        let rows = self.rows.range((Excluded(after), Included(up_to.max(after.saturating_add(1)))));
        rows.filter(move |(offset, row)| **offset <= up_to && row.concerns(channels))
            .map(|(offset, row)| (*offset, row))
    }

    /// Who owns a module at a place; none for nobody, or for no such module.
    pub fn owner(&self, module: &str, offset: Offset) -> Option<&str> {
        self.owners.get(module)?.range(..=offset).next_back()?.1.as_deref()
    }

    /// All events.
    pub fn rows(&self) -> impl Iterator<Item = (Offset, &Row)> {
        self.rows.iter().map(|(offset, row)| (*offset, row))
    }

    /// The modules that the events leave behind.
    pub fn modules(&self) -> HashSet<&str> {
        let mut modules = HashSet::new();
        for row in self.rows.values() {
            let module = row.data["moduleId"].as_str().unwrap_or_default();
            match row.name.as_str() {
                "rt_module_added" => drop(modules.insert(module)),
                // To one person alone: it only changed hands.
                "rt_module_removed" if row.audience.len() > 1 => drop(modules.remove(module)),
                _ => {}
            }
        }
        modules
    }
}

impl Row {
    fn of(event: &NewEvent) -> Self {
        let data = serde_json::from_str(event.data.get()).expect("payloads are JSON");
        let name = event.name.to_string();
        let mark = mark(&name, &data);
        Self { name, audience: event.audience.clone(), data, mark }
    }

    /// Whether somebody who hears these channels must get it.
    pub fn concerns(&self, channels: &HashSet<Channel>) -> bool {
        self.audience.iter().any(|channel| channels.contains(channel))
    }
}
