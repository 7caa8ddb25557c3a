//! Events of a hundred bytes, as the figures of the README have them.

use std::sync::Arc;

use carillon::domain::cursor::{Epoch, Offset};
use carillon::domain::event::{Delivery, Dialect, Event, LatestKey, NewEvent};
use carillon::domain::time::Timestamp;
use carillon::domain::topic::Channel;
use carillon::session::Speech;
use carillon::session::dialect::native::Native;
use serde_json::value::RawValue;

/// The data of an event: a hundred bytes.
pub const DATA: &str =
    r#"{"stream":0,"number":17,"dueUs":850000,"pad":"8305147926830514792683051479268305147926830514792683"}"#;

/// How WebSockets hear of events.
pub fn dialect() -> &'static Dialect {
    Native.events()
}

/// The channel of all events here.
pub fn channel() -> Channel {
    Channel::Custom("bench".into())
}

/// An event that every subscriber gets.
pub fn each(epoch: Epoch, offset: Offset) -> Arc<Event> {
    event(epoch, offset, Delivery::Each)
}

/// The newest value of one of many modules.
pub fn latest(epoch: Epoch, offset: Offset, module: u64) -> Arc<Event> {
    let id = format!("M-{module}").parse().expect("an id");
    event(epoch, offset, Delivery::Latest(LatestKey::Telemetry(id)))
}

fn event(epoch: Epoch, offset: Offset, delivery: Delivery) -> Arc<Event> {
    let data = RawValue::from_string(DATA.to_owned()).expect("JSON");
    let name = "rt_bench".parse().expect("a name");
    let at = Timestamp::from_millis(1_700_000_000_000);
    Arc::new(NewEvent { name, delivery, audience: vec![channel()], data, at }.stamped(epoch, offset))
}
