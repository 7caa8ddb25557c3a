//! How events are written for each kind of client.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::domain::event::{Dialect, Event};
use crate::domain::time::Timestamp;
use crate::pipe::frame;

/// JSON in plain WebSocket text frames.
pub static NATIVE: Dialect = Dialect { slot: 0, encode: native };

/// `{"type":"event","event","data","cursor","at"}`.
#[expect(clippy::expect_used, reason = "strings and finished JSON can always be written")]
fn native(event: &Event) -> Bytes {
    #[derive(Serialize)]
    struct Frame<'a> {
        r#type: &'static str,
        event: &'a str,
        data: &'a RawValue,
        cursor: String,
        at: Timestamp,
    }
    let json = serde_json::to_vec(&Frame {
        r#type: "event",
        event: event.what.name.as_str(),
        data: &event.what.data,
        cursor: event.cursor.to_string(),
        at: event.what.at,
    });
    frame::text(&json.expect("an event is plain data"))
}
