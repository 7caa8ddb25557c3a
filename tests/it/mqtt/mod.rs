//! MQTT, spoken packet by packet with the codec of others.

mod bad_input;
pub mod client;
mod commands;
mod flood;
mod flood_of_batches;
mod full_disk;
mod half_open;
mod in_doubt;
mod locked;
mod order;
mod packet_size;
mod people;
mod permissions;
mod presence;
mod slow_house;
mod stops;
mod takeover;
mod telemetry;
mod tls;
mod tricks;
mod websocket;

use crate::support::{Answer, TestHub};

/// A figure of the hub.
async fn metric(hub: &TestHub, name: &str) -> f64 {
    let figures = Answer::of(&hub.authority, "GET", "/metrics", &[], None).await.text;
    let line = figures.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no `{name}` in:\n{figures}")).trim().parse().expect("figures are numbers")
}
