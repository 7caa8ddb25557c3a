//! What a client listens to, by its dice.

use std::collections::HashSet;

use carillon::domain::topic::Channel;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::publish::{CUSTOM, END};
use super::world::{Person, World};

/// Topics that the person may have, always with that of the last event.
pub fn choose_topics(world: &World, place: usize, dice: &mut StdRng) -> Vec<String> {
    let person = &world.people[place];
    let mut topics = vec![END.to_owned()];
    if dice.random_ratio(2, 3) {
        topics.push("modules".to_owned());
    }
    if person.is_admin && dice.random() {
        topics.push("admin".to_owned());
    }
    if dice.random_ratio(1, 3) {
        topics.push("dashboard".to_owned());
    }
    let own: Vec<_> = world.stations.iter().filter(|station| person.is_admin || station.owner == place).collect();
    if dice.random_ratio(1, 3) {
        topics.extend(own.choose(dice).map(|station| format!("module:{}", station.id)));
    }
    topics.extend(CUSTOM.iter().filter(|_| dice.random()).map(|topic| (*topic).to_owned()));
    topics
}

/// What the hub sends on these topics to this person, and on their own implied one.
pub fn channels_of(topics: &[String], person: &Person) -> HashSet<Channel> {
    let user = || person.id.parse().expect("an id");
    let channel = |topic: &String| match topic.split_once(':') {
        Some(("custom", name)) => Channel::Custom(name.into()),
        Some(("module", id)) => Channel::Module(id.parse().expect("an id")),
        _ if topic == "admin" => Channel::Admin,
        _ if topic == "dashboard" => Channel::Dashboard,
        _ if person.is_admin => Channel::AllModules,
        _ => Channel::ModulesOf(user()),
    };
    topics.iter().map(channel).chain([Channel::User(user())]).collect()
}
