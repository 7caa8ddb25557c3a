//! When there is an alarm, as people write it and as it is judged by.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::retention::Span;
use super::super::telemetry::is_key;
use super::words;

/// The longest time something must hold, or a module may be silent.
const SPAN_MAX: Duration = Duration::from_secs(366 * 86_400);
/// The longest window of a rate.
const WINDOW_MAX: Duration = Duration::from_secs(86_400);
/// The shortest of them.
const SPAN_MIN: Duration = Duration::from_secs(1);

/// A kind of condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConditionKind {
    /// A value passes a limit.
    Threshold,
    /// A value changes too fast, or too slowly.
    Rate,
    /// No reading comes.
    Silence,
}

words!(ConditionKind: Threshold = "threshold", Rate = "rate", Silence = "silence");

/// On which side of a limit the alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Beyond it are greater numbers.
    Above,
    /// Beyond it are smaller numbers.
    Below,
}

/// A condition as it is written: `threshold` and `rate` have `key`, `direction`, `limit`, and perhaps `hysteresis` and
/// `for`; `rate` has also `window`; `silence` has `span` only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AlarmCondition)]
pub struct ConditionWords {
    /// Which kind.
    pub kind: ConditionKind,
    /// Which value of the telemetry; a switch counts as 0 or 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub key: Option<String>,
    /// On which side of the limit the alarm is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The limit, of the value or of its change in a second; on the limit there is no alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<f64>,
    /// How far it must come back from the limit until the alarm is over; D 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub hysteresis: Option<f64>,
    /// How long it must be beyond the limit, such as `30s`; D `0s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$", example = "30s")]
    pub r#for: Option<Span>,
    /// Over how long the change is looked at, `1s` to `1d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$", example = "60s")]
    pub window: Option<Span>,
    /// How long the module may say nothing, at least `1s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,6}[smhd]$", example = "10m")]
    pub span: Option<Span>,
}

/// What is wrong with a condition: at which field, and what to write there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionFault {
    /// The field.
    pub field: &'static str,
    /// What to write.
    pub advice: &'static str,
}

/// A limit of numbers, and how far they must come back from it.
///
/// Invariant: both numbers are finite, and `hysteresis` is not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    direction: Direction,
    limit: f64,
    hysteresis: f64,
    hold: Duration,
}

/// Where a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Beyond the limit.
    Beyond,
    /// Back from it, not far enough to be sure.
    Between,
    /// Well within it.
    Within,
}

/// When there is an alarm.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A value is beyond a limit for a while.
    Threshold {
        /// Which value.
        key: Arc<str>,
        /// The limit.
        limit: Limit,
    },
    /// A value changes in each second by what is beyond a limit.
    Rate {
        /// Which value.
        key: Arc<str>,
        /// The limit.
        limit: Limit,
        /// Over how long the change is looked at.
        window: Duration,
    },
    /// No reading comes.
    Silence {
        /// For how long.
        span: Duration,
    },
}

impl Limit {
    /// How long a number must be beyond it.
    #[must_use]
    pub const fn hold(&self) -> Duration {
        self.hold
    }

    /// Where a number is.
    pub(super) fn place_of(&self, number: f64) -> Place {
        let (is_beyond, is_within) = match self.direction {
            Direction::Above => (number > self.limit, number <= self.limit - self.hysteresis),
            Direction::Below => (number < self.limit, number >= self.limit + self.hysteresis),
        };
        match (is_beyond, is_within) {
            (true, _) => Place::Beyond,
            (false, true) => Place::Within,
            (false, false) => Place::Between,
        }
    }
}

impl Condition {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> ConditionKind {
        match self {
            Self::Threshold { .. } => ConditionKind::Threshold,
            Self::Rate { .. } => ConditionKind::Rate,
            Self::Silence { .. } => ConditionKind::Silence,
        }
    }

    /// The value that it looks at, if it does.
    #[must_use]
    pub const fn key(&self) -> Option<&Arc<str>> {
        match self {
            Self::Threshold { key, .. } | Self::Rate { key, .. } => Some(key),
            Self::Silence { .. } => None,
        }
    }

    /// The condition as it is written.
    #[must_use]
    pub fn words(&self) -> ConditionWords {
        let (limit, window, span) = match self {
            Self::Threshold { limit, .. } => (Some(limit), None, None),
            Self::Rate { limit, window, .. } => (Some(limit), Some(Span(*window)), None),
            Self::Silence { span } => (None, None, Some(Span(*span))),
        };
        ConditionWords {
            kind: self.kind(),
            key: self.key().map(|key| (**key).to_owned()),
            direction: limit.map(|limit| limit.direction),
            limit: limit.map(|limit| limit.limit),
            hysteresis: limit.map(|limit| limit.hysteresis),
            r#for: limit.map(|limit| Span(limit.hold)),
            window,
            span,
        }
    }
}

impl TryFrom<ConditionWords> for Condition {
    type Error = ConditionFault;

    fn try_from(words: ConditionWords) -> Result<Self, ConditionFault> {
        let fault = |field, advice| ConditionFault { field, advice };
        if words.kind == ConditionKind::Silence {
            let has_limit = words.key.is_some() || words.direction.is_some() || words.limit.is_some();
            if has_limit || words.hysteresis.is_some() || words.r#for.is_some() || words.window.is_some() {
                return Err(fault("kind", "give `span` and nothing else for `silence`"));
            }
            let span = words.span.map(|span| span.0).filter(|span| (SPAN_MIN..=SPAN_MAX).contains(span));
            return Ok(Self::Silence { span: span.ok_or(fault("span", "give a length of `1s` to `366d`"))? });
        }
        if words.span.is_some() {
            return Err(fault("span", "leave it out; only `silence` has a span"));
        }
        let key = words.key.clone().filter(|key| is_key(key));
        let key = key
            .ok_or(fault("key", "name a key of the telemetry, of 1 to 64 characters, no control characters"))?
            .into();
        let limit = limit_of(&words)?;
        let window = words.window.map(|window| window.0);
        match (words.kind, window) {
            (ConditionKind::Rate, Some(window)) if (SPAN_MIN..=WINDOW_MAX).contains(&window) => {
                Ok(Self::Rate { key, limit, window })
            }
            (ConditionKind::Rate, _) => Err(fault("window", "give a length of `1s` to `1d`")),
            (_, Some(_)) => Err(fault("window", "leave it out; only `rate` has a window")),
            (_, None) => Ok(Self::Threshold { key, limit }),
        }
    }
}

fn limit_of(words: &ConditionWords) -> Result<Limit, ConditionFault> {
    let fault = |field, advice| ConditionFault { field, advice };
    let direction = words.direction.ok_or(fault("direction", "say `above` or `below`"))?;
    let limit = words.limit.filter(|limit| limit.is_finite()).ok_or(fault("limit", "give a number"))?;
    let hysteresis = words.hysteresis.unwrap_or(0.0);
    if !hysteresis.is_finite() || hysteresis < 0.0 {
        return Err(fault("hysteresis", "give a number, zero or more"));
    }
    let hold = words.r#for.map_or(Duration::ZERO, |span| span.0);
    if hold > SPAN_MAX {
        return Err(fault("for", "give a length of at most `366d`"));
    }
    Ok(Limit { direction, limit, hysteresis, hold })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Condition, &'static str> {
        let words: ConditionWords = serde_json::from_str(json).unwrap();
        Condition::try_from(words).map_err(|fault| fault.field)
    }

    #[test]
    fn conditions_read_as_they_are_written() {
        for json in [
            r#"{"kind":"threshold","key":"t","direction":"above","limit":80.5,"hysteresis":2.0,"for":"30s"}"#,
            r#"{"kind":"rate","key":"t","direction":"below","limit":-1.0,"hysteresis":0.0,"for":"0s","window":"1m"}"#,
            r#"{"kind":"silence","span":"10m"}"#,
        ] {
            let condition = read(json).unwrap();
            assert_eq!(serde_json::to_string(&condition.words()).unwrap(), json);
            assert_eq!(Condition::try_from(condition.words()), Ok(condition));
        }
    }

    #[test]
    fn conditions_that_cannot_be_name_their_field() {
        for (json, field) in [
            (r#"{"kind":"silence"}"#, "span"),
            (r#"{"kind":"silence","span":"0s"}"#, "span"),
            (r#"{"kind":"silence","span":"1m","key":"a"}"#, "kind"),
            (r#"{"kind":"threshold","direction":"above","limit":1}"#, "key"),
            (r#"{"kind":"threshold","key":"","direction":"above","limit":1}"#, "key"),
            (r#"{"kind":"threshold","key":"a\u0000b","direction":"above","limit":1}"#, "key"),
            (r#"{"kind":"threshold","key":"a","limit":1}"#, "direction"),
            (r#"{"kind":"threshold","key":"a","direction":"above"}"#, "limit"),
            (r#"{"kind":"threshold","key":"a","direction":"above","limit":1,"hysteresis":-1}"#, "hysteresis"),
            (r#"{"kind":"threshold","key":"a","direction":"above","limit":1,"window":"1m"}"#, "window"),
            (r#"{"kind":"threshold","key":"a","direction":"above","limit":1,"span":"1m"}"#, "span"),
            (r#"{"kind":"threshold","key":"a","direction":"above","limit":1,"for":"999d"}"#, "for"),
            (r#"{"kind":"rate","key":"a","direction":"above","limit":1}"#, "window"),
            (r#"{"kind":"rate","key":"a","direction":"above","limit":1,"window":"2d"}"#, "window"),
        ] {
            assert_eq!(read(json), Err(field), "{json}");
        }
    }
}
