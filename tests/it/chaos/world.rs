//! What all actors of a run share: the hub's address, the people, the modules, and how far things have come.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::plan::Plan;
use crate::support::process::TestProcess;
use crate::support::{Account, Answer, PASSWORD};

/// Admins and owners of modules in a run.
const ADMINS: usize = 2;
const OWNERS: usize = 3;
/// Modules of each owner that stay for the whole run.
const MODULES: usize = 2;

/// What goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Everything at once.
    Storm,
    /// Everything but the hub's deaths.
    Spared,
    /// Nothing new happens; all clients come back.
    Calm,
    /// Everybody has seen the end.
    Over,
}

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct Person {
    /// The account's id.
    pub id: String,
    /// The access token.
    pub token: String,
    /// Whether they are an admin.
    pub is_admin: bool,
}

/// A module that stays for the whole run.
#[derive(Debug, Clone)]
pub struct Station {
    /// Its id.
    pub id: String,
    /// Its token.
    pub token: String,
    /// Whose it is, by the place among the people.
    pub owner: usize,
}

/// A custom event that the hub acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Ack {
    /// The number it carries.
    pub number: u64,
    /// Its place, if the answer came whole.
    pub offset: Option<u64>,
}

/// The shared things of a run.
pub struct World {
    /// The size and the chance of the run.
    pub plan: Plan,
    /// `127.0.0.1:PORT`, the same over all lives of the hub.
    pub authority: String,
    /// The admins, then the owners.
    pub people: Vec<Person>,
    /// The modules that stay.
    pub stations: Vec<Station>,
    /// What goes on.
    pub stage: watch::Sender<Stage>,
    /// Events asked for so far.
    pub progress: watch::Sender<u64>,
    /// The hub's lives so far; odd while it listens.
    pub lives: watch::Sender<u64>,
    /// Custom events that were acknowledged.
    pub acks: RefCell<Vec<Ack>>,
    /// Changes of modules that were acknowledged: the name of the event and the module.
    pub changes: RefCell<Vec<(&'static str, String)>>,
    /// Numbers of readings that were acknowledged.
    pub readings: RefCell<HashSet<u64>>,
    numbers: Cell<u64>,
}

impl World {
    /// Makes the people and the modules on a hub that has just started.
    pub async fn build(hub: &TestProcess, plan: Plan) -> Rc<Self> {
        let first = hub.admin().await;
        let mut people = vec![Person::of(&first, true)];
        for number in 1..ADMINS + OWNERS {
            let role = if number < ADMINS { "admin" } else { "user" };
            let email = format!("{role}-{number}@example.org");
            let body = json!({"email": email, "name": email, "password": PASSWORD, "roles": [role]});
            assert_eq!(first.post("/api/v1/users", body).await.status, 201);
            let login = hub.try_log_in(&email, PASSWORD).await.json();
            people.push(Person::of(&Account::new(&hub.authority, login), role == "admin"));
        }
        let mut stations = Vec::new();
        for number in 0..OWNERS * MODULES {
            let (id, owner) = (format!("ST-{number}"), ADMINS + number % OWNERS);
            let module = json!({"moduleId": id, "name": id, "type": "Station", "userId": people[owner].id});
            let made = first.post("/api/v1/modules", module).await;
            assert_eq!(made.status, 201, "{}", made.text);
            let token = made.json()["token"].as_str().expect("a token").to_owned();
            stations.push(Station { id, token, owner });
        }
        Rc::new(Self {
            plan,
            authority: hub.authority.clone(),
            people,
            stations,
            stage: watch::Sender::new(Stage::Storm),
            progress: watch::Sender::new(0),
            lives: watch::Sender::new(1),
            acks: RefCell::default(),
            changes: RefCell::default(),
            readings: RefCell::default(),
            numbers: Cell::new(0),
        })
    }

    /// The first admin.
    pub fn admin(&self) -> &Person {
        &self.people[0]
    }

    /// The owners, with their places among the people.
    pub fn owners(&self) -> impl Iterator<Item = (usize, &Person)> {
        self.people.iter().enumerate().filter(|(_, person)| !person.is_admin)
    }

    /// A number that nobody else gets.
    pub fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// Sends a request as somebody; none if the hub was not there or went before it answered.
    pub async fn ask(&self, person: &Person, method: &str, path: &str, body: Option<Value>) -> Option<Answer> {
        Answer::attempt(&self.authority, method, path, &person.token, body.as_ref()).await
    }

    /// The answer to a request that changes nothing, of a hub that stays.
    pub async fn get(&self, person: &Person, path: &str) -> Value {
        let answer = self.ask(person, "GET", path, None).await.expect("the hub answers");
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Whether the storm goes on.
    pub fn is_stormy(&self) -> bool {
        *self.stage.borrow() < Stage::Calm
    }

    /// Waits until this stage has come.
    pub async fn reach(&self, stage: Stage) {
        // The sender lives as long as the world.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// Waits until so many more events were asked for, or the storm is over.
    pub async fn let_pass(&self, events: u64) {
        let target = *self.progress.borrow() + events;
        let mut progress = self.progress.subscribe();
        tokio::select! {
            _ = progress.wait_for(|now| *now >= target) => {}
            () = self.reach(Stage::Calm) => {}
        }
    }

    /// Waits until the hub has died and come back once more, or dies no more.
    pub async fn let_a_life_pass(&self) {
        let target = *self.lives.borrow() + 2;
        let mut lives = self.lives.subscribe();
        tokio::select! {
            _ = lives.wait_for(|lives| *lives >= target) => {}
            () = self.reach(Stage::Spared) => {}
        }
    }

    /// Waits until the hub listens.
    pub async fn until_up(&self) {
        // The sender lives as long as the world.
        let _ = self.lives.subscribe().wait_for(|lives| lives % 2 == 1).await;
    }
}

impl Person {
    fn of(account: &Account, is_admin: bool) -> Self {
        Self { id: account.id.clone(), token: account.access_token.clone(), is_admin }
    }
}
