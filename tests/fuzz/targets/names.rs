//! Cursors, topics, channels, names and ids: what is read is written alike, and read again as the same.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use carillon::domain::cursor::Cursor;
use carillon::domain::event::{EventName, LatestKey};
use carillon::domain::ids::ModuleId;
use carillon::domain::time::Timestamp;
use carillon::domain::topic::{Channel, Topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    same_again::<Cursor>(text);
    same_again::<Topic>(text);
    same_again::<Channel>(text);
    same_again::<EventName>(text);
    same_again::<LatestKey>(text);
    same_again::<ModuleId>(text);
    same_again::<Timestamp>(text);
});

fn same_again<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let again = value.to_string().parse::<T>().ok();
        assert_eq!(again.as_ref(), Some(&value));
    }
}
