//! The parameters of a question about the history, as they stand in its address.

use std::str::FromStr;
use std::time::Duration;

use super::super::super::problem::ApiResult;
use crate::domain::ids::ModuleId;
use crate::domain::problem::Faults;
use crate::domain::time::Timestamp;
use crate::telemetry::{self, Order, Position, WindowQuery};

/// Samples on a page when nobody says how many.
const LIMIT: usize = 1000;
/// The most samples on a page.
const LIMIT_MAX: usize = 10_000;
/// The longest window, in milliseconds.
const INTERVAL_MAX: i64 = 366 * 86_400_000;
/// How far a question reaches back when nobody says how far.
const SPAN: Duration = Duration::from_secs(86_400);

/// What can be told of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Mean,
    /// All together.
    Sum,
    /// The earliest.
    First,
    /// The latest.
    Last,
    /// How many there are.
    Count,
}

impl Aggregate {
    const ALL: [(&'static str, Self); 7] = [
        ("min", Self::Min),
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("sum", Self::Sum),
        ("first", Self::First),
        ("last", Self::Last),
        ("count", Self::Count),
    ];

    fn read(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, aggregate)| *aggregate);
        known.ok_or_else(|| "use `min`, `max`, `mean`, `sum`, `first`, `last` or `count`".to_owned())
    }
}

/// The parameters of a question about the history.
#[derive(Debug, Default)]
pub struct Asked {
    keys: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: Option<usize>,
    order: Order,
    /// How long a window is, in milliseconds; none for samples.
    pub interval: Option<i64>,
    aggregates: Vec<Aggregate>,
    cursor: Option<Position>,
}

impl Asked {
    /// Reads them; every fault is named.
    ///
    /// # Errors
    /// 422 for what cannot be asked.
    pub fn read(parameters: Vec<(String, String)>) -> ApiResult<Self> {
        let mut asked = Self::default();
        let mut faults = Faults::default();
        for (name, value) in parameters {
            if let Err(fault) = asked.take(&name, value) {
                faults.add(format!("/{name}"), fault);
            }
        }
        if asked.interval.is_none() && !asked.aggregates.is_empty() {
            faults.add("/agg", "name an `interval` too");
        }
        if asked.interval.is_some() && asked.order == Order::Backward {
            faults.add("/order", "windows are told the oldest first; leave it out");
        }
        if asked.from.zip(asked.to).is_some_and(|(from, to)| from > to) {
            faults.add("/from", "lies after `to`; the earlier time comes first, also with `order=desc`");
        }
        if faults.is_empty() {
            return Ok(asked);
        }
        Err(faults.into_problem("invalid-query", 422, "the query of the address is not as it must be").into())
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), String> {
        match name {
            "key" if !value.is_empty() => self.keys.push(value),
            "key" => {}
            "from" => self.from = Some(moment(&value)?),
            "to" => self.to = Some(moment(&value)?),
            "limit" => self.limit = Some(limit(&value)?),
            "order" => self.order = order(&value)?,
            "interval" => self.interval = Some(interval(&value)?),
            "agg" => {
                let named: Result<Vec<_>, _> = value.split(',').map(Aggregate::read).collect();
                self.aggregates.extend(named?);
            }
            "cursor" => self.cursor = Some(parsed(&value)?),
            _ => return Err("there is no such parameter; leave it out".to_owned()),
        }
        Ok(())
    }

    /// From when to when. Clocks of devices may be ahead: what they have sent is the newest there is.
    fn span(&self) -> (Timestamp, Timestamp) {
        let to = self.to.unwrap_or_else(|| Timestamp::now().plus(SPAN));
        let from = self.from.unwrap_or_else(|| self.to.unwrap_or_else(Timestamp::now).minus(SPAN));
        (from, to)
    }

    /// What is told of a window; all of it if nothing was named.
    pub fn aggregates(&self) -> Vec<Aggregate> {
        let all = || Aggregate::ALL.iter().map(|(_, aggregate)| *aggregate).collect();
        if self.aggregates.is_empty() { all() } else { self.aggregates.clone() }
    }

    /// The question for samples.
    pub fn samples(self, module: ModuleId) -> telemetry::Query {
        let ((from, to), limit) = (self.span(), self.limit.unwrap_or(LIMIT));
        telemetry::Query { module, keys: self.keys, from, to, order: self.order, limit, after: self.cursor }
    }

    /// The question for windows.
    pub fn windows(self, module: ModuleId, interval: i64) -> WindowQuery {
        let ((from, to), limit) = (self.span(), self.limit.unwrap_or(LIMIT_MAX));
        WindowQuery { module, keys: self.keys, from, to, interval, limit, after: self.cursor }
    }
}

fn parsed<T: FromStr<Err: ToString>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads a time as it stands in an address, where who forgets to write `+` as `%2B` sends a space. What lies at the very end
/// of all years stands for any time there will be.
fn moment(text: &str) -> Result<Timestamp, String> {
    if text.starts_with("9999-12-3") && text.parse::<Timestamp>().is_err() {
        return parsed(&text.replacen("9999-12-31", "9999-12-29", 1).replacen("9999-12-30", "9999-12-29", 1));
    }
    parsed(text).or_else(|fault| parsed(&text.replace(' ', "+")).map_err(|_| fault))
}

fn limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| format!("a page holds 1 to {LIMIT_MAX} samples"))
}

/// Reads a whole number and one unit, in milliseconds.
fn interval(text: &str) -> Result<i64, String> {
    let unit = match text.as_bytes().last() {
        Some(b's') => 1000,
        Some(b'm') => 60_000,
        Some(b'h') => 3_600_000,
        Some(b'd') => 86_400_000,
        _ => 0,
    };
    let digits =
        text.get(..text.len().saturating_sub(1)).filter(|digits| digits.bytes().all(|one| one.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse::<i64>().ok()).and_then(|number| number.checked_mul(unit));
    let length = number.filter(|length| (1..=INTERVAL_MAX).contains(length));
    length.ok_or_else(|| "must be a length from `1s` to `366d`, such as `1m`, `15m` or `1d`".to_owned())
}

fn order(text: &str) -> Result<Order, String> {
    match text {
        "asc" => Ok(Order::Forward),
        "desc" => Ok(Order::Backward),
        _ => Err("use `asc` or `desc`".to_owned()),
    }
}
