//! How long what is kept, by level, type and module; pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::ModuleId;
use super::module::ModuleKind;
use super::rollup::Level;

/// The most rules there can be.
pub const RULES_MAX: usize = 1000;
/// Nothing is kept for less: what comes late must find what it belongs to.
pub const KEEP_MIN: Duration = Duration::from_secs(86_400);

/// Something that is kept for a while: samples, or windows of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Samples as they were measured.
    Raw,
    /// Windows of one minute.
    Minutes,
    /// Windows of a quarter of an hour.
    Quarters,
    /// Windows of one hour.
    Hours,
    /// Windows of one day.
    Days,
}

impl Tier {
    /// All of them, the finest first.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Minutes, Self::Quarters, Self::Hours, Self::Days];

    /// The level of its windows; none for samples.
    #[must_use]
    pub const fn level(self) -> Option<Level> {
        match self {
            Self::Raw => None,
            Self::Minutes => Some(Level::Minutes),
            Self::Quarters => Some(Level::Quarters),
            Self::Hours => Some(Level::Hours),
            Self::Days => Some(Level::Days),
        }
    }

    const fn place(self) -> usize {
        self as usize
    }
}

/// How long each tier is kept; zero for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spans([Duration; 5]);

/// What a rule says of each tier; none leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Change([Option<Duration>; 5]);

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// All modules.
    All,
    /// Those of a type.
    Type(ModuleKind),
    /// One module.
    Module(ModuleId),
}

/// How long some modules' history is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Which modules.
    pub scope: Scope,
    /// How long.
    pub change: Change,
}

/// The spans of the configuration with the rules that change them: those of a module before those of its type, and
/// those before the rule for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    defaults: Spans,
    rules: Vec<Rule>,
}

/// Spans that contradict each other or come too near.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpansFault {
    /// Something is kept for too short a time.
    #[error("keep everything for `1d` at least, or for ever with `0s`")]
    TooShort,
    /// What is finer is kept for longer.
    #[error("keep windows no shorter than the samples and the shorter windows they are made of")]
    Inverted,
    /// Two rules are about the same.
    #[error("there is another rule about the same modules; put them together")]
    Twice,
    /// Too many rules.
    #[error("there are more than {RULES_MAX} rules; use types instead of single modules")]
    TooMany,
}

impl Spans {
    /// The spans of raw samples, minutes, quarters, hours and days.
    #[must_use]
    pub const fn new(spans: [Duration; 5]) -> Self {
        Self(spans)
    }

    /// How long a tier is kept; none for ever.
    #[must_use]
    pub fn of(&self, tier: Tier) -> Option<Duration> {
        Some(self.0[tier.place()]).filter(|span| !span.is_zero())
    }

    /// Makes sure that what is coarser is kept for no shorter time.
    ///
    /// # Errors
    /// [`SpansFault`] says what is wrong.
    pub fn check(&self) -> Result<(), SpansFault> {
        let length = |span: &Duration| if span.is_zero() { Duration::MAX } else { *span };
        if self.0.iter().any(|span| length(span) < KEEP_MIN) {
            return Err(SpansFault::TooShort);
        }
        let is_ascending = self.0.windows(2).all(|pair| length(&pair[0]) <= length(&pair[1]));
        if is_ascending { Ok(()) } else { Err(SpansFault::Inverted) }
    }

    fn with(mut self, change: &Change) -> Self {
        for (span, changed) in self.0.iter_mut().zip(change.0) {
            *span = changed.unwrap_or(*span);
        }
        self
    }
}

impl Change {
    /// What is said of raw samples, minutes, quarters, hours and days.
    #[must_use]
    pub const fn new(spans: [Option<Duration>; 5]) -> Self {
        Self(spans)
    }

    /// What is said of a tier.
    #[must_use]
    pub const fn of(&self, tier: Tier) -> Option<Duration> {
        self.0[tier.place()]
    }
}

impl Policy {
    /// The spans of the configuration with some rules.
    ///
    /// # Errors
    /// The place of the first rule that cannot be, and why.
    pub fn new(defaults: Spans, rules: Vec<Rule>) -> Result<Self, (usize, SpansFault)> {
        if rules.len() > RULES_MAX {
            return Err((RULES_MAX, SpansFault::TooMany));
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(place) = rules.iter().position(|rule| !seen.insert(&rule.scope)) {
            return Err((place, SpansFault::Twice));
        }
        let policy = Self { defaults, rules };
        for (place, rule) in policy.rules.iter().enumerate() {
            let spans = match &rule.scope {
                Scope::All => policy.spans(None, None),
                Scope::Type(kind) => policy.spans(Some(kind), None),
                // Of which type it is may change: what holds for it must hold beside the rule of every type.
                Scope::Module(id) => policy.worst(id),
            };
            spans.check().map_err(|fault| (place, fault))?;
        }
        Ok(policy)
    }

    /// The spans of the configuration alone.
    #[must_use]
    pub const fn of_defaults(defaults: Spans) -> Self {
        Self { defaults, rules: Vec::new() }
    }

    /// The same without the rule of one module, which leaves the others as good as they were.
    #[must_use]
    pub fn without(&self, module: &ModuleId) -> Self {
        let others = self.rules.iter().filter(|rule| !matches!(&rule.scope, Scope::Module(id) if id == module));
        Self { defaults: self.defaults, rules: others.cloned().collect() }
    }

    /// How long the history of a module is kept.
    #[must_use]
    pub fn of(&self, kind: &ModuleKind, id: &ModuleId) -> Spans {
        self.spans(Some(kind), Some(id))
    }

    /// The spans of the configuration.
    #[must_use]
    pub const fn defaults(&self) -> &Spans {
        &self.defaults
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A number that changes with the rules and with the configuration, whatever the order of the rules.
    #[must_use]
    pub fn version(&self) -> u64 {
        let hash = |part: &dyn Fn(&mut DefaultHasher)| {
            let mut hasher = DefaultHasher::new();
            part(&mut hasher);
            hasher.finish()
        };
        let rules = self.rules.iter().map(|rule| hash(&|hasher| rule.hash(hasher)));
        rules.fold(hash(&|hasher| self.defaults.hash(hasher)), u64::wrapping_add)
    }

    fn spans(&self, kind: Option<&ModuleKind>, id: Option<&ModuleId>) -> Spans {
        let says = |is_about: &dyn Fn(&Scope) -> bool| self.rules.iter().find(|rule| is_about(&rule.scope));
        let all = says(&|scope| *scope == Scope::All);
        let of_type = says(&|scope| matches!(scope, Scope::Type(known) if Some(known) == kind));
        let of_module = says(&|scope| matches!(scope, Scope::Module(known) if Some(known) == id));
        [all, of_type, of_module].into_iter().flatten().fold(self.defaults, |spans, rule| spans.with(&rule.change))
    }

    /// The first spans that cannot be which a module may come to, if any; else any.
    fn worst(&self, id: &ModuleId) -> Spans {
        let kinds = self.rules.iter().filter_map(|rule| match &rule.scope {
            Scope::Type(kind) => Some(kind),
            _ => None,
        });
        let alone = self.spans(None, Some(id));
        kinds.map(|kind| self.spans(Some(kind), Some(id))).find(|spans| spans.check().is_err()).unwrap_or(alone)
    }
}

/// A length as it stands in JSON: a whole number and `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.as_secs();
        let (number, unit) = match seconds {
            0 => (0, "s"),
            days if days % 86_400 == 0 => (days / 86_400, "d"),
            hours if hours % 3600 == 0 => (hours / 3600, "h"),
            minutes if minutes % 60 == 0 => (minutes / 60, "m"),
            seconds => (seconds, "s"),
        };
        serializer.collect_str(&format_args!("{number}{unit}"))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("must be a whole number and `s`, `m`, `h` or `d`, such as `30d`");
        let unit = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3600,
            Some(b'd') => 86_400,
            _ => return Err(wrong()),
        };
        let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        Ok(Self(Duration::from_secs(u64::from(number) * unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn days(days: [u32; 5]) -> Spans {
        Spans::new(days.map(|days| DAY * days))
    }

    fn rule(scope: Scope, days: [Option<u32>; 5]) -> Rule {
        Rule { scope, change: Change::new(days.map(|days| days.map(|days| DAY * days))) }
    }

    #[test]
    fn the_nearest_rule_counts() {
        let (station, valve): (ModuleKind, ModuleKind) = ("Station".parse().unwrap(), "Valve".parse().unwrap());
        let (one, two): (ModuleId, ModuleId) = ("MC-1".parse().unwrap(), "MC-2".parse().unwrap());
        let rules = vec![
            rule(Scope::Module(one.clone()), [Some(5), None, None, None, None]),
            rule(Scope::Type(station.clone()), [Some(4), Some(40), None, None, None]),
            rule(Scope::All, [Some(3), Some(30), Some(300), None, None]),
        ];
        let policy = Policy::new(days([1, 10, 100, 1000, 0]), rules).unwrap();
        assert_eq!(policy.of(&station, &one), days([5, 40, 300, 1000, 0]));
        assert_eq!(policy.of(&station, &two), days([4, 40, 300, 1000, 0]));
        assert_eq!(policy.of(&valve, &two), days([3, 30, 300, 1000, 0]));
        assert_eq!(policy.of(&valve, &two).of(Tier::Days), None);
        assert_eq!(policy.of(&valve, &two).of(Tier::Raw), Some(DAY * 3));
    }

    #[test]
    fn rules_that_cannot_be_are_named() {
        let defaults = days([1, 10, 100, 1000, 0]);
        let all = |days| rule(Scope::All, days);
        let fault = |rules| Policy::new(defaults, rules).unwrap_err();
        assert_eq!(fault(vec![all([Some(11), None, None, None, None])]), (0, SpansFault::Inverted));
        assert_eq!(fault(vec![all([Some(0), None, None, None, None])]), (0, SpansFault::Inverted));
        assert_eq!(fault(vec![all([None; 5]), all([None; 5])]), (1, SpansFault::Twice));
        let short = Change::new([Some(Duration::from_secs(60)), None, None, None, None]);
        assert_eq!(fault(vec![Rule { scope: Scope::All, change: short }]), (0, SpansFault::TooShort));
        // Alone each of them would do.
        let of_type = rule(Scope::Type("Station".parse().unwrap()), [None, Some(5), None, None, None]);
        let of_module = rule(Scope::Module("MC-1".parse().unwrap()), [Some(9), None, None, None, None]);
        assert_eq!(fault(vec![of_type, of_module]), (1, SpansFault::Inverted));
    }

    #[test]
    fn a_version_tells_rules_apart_and_does_not_depend_on_their_order() {
        let defaults = days([1, 10, 100, 1000, 0]);
        let one = rule(Scope::Type("Station".parse().unwrap()), [Some(5), None, None, None, None]);
        let other = rule(Scope::All, [Some(3), None, None, None, None]);
        let version = |defaults, rules: &[&Rule]| {
            Policy::new(defaults, rules.iter().copied().cloned().collect()).unwrap().version()
        };
        assert_eq!(version(defaults, &[&one, &other]), version(defaults, &[&other, &one]));
        let different = [
            version(defaults, &[]),
            version(defaults, &[&one]),
            version(defaults, &[&other]),
            version(defaults, &[&one, &other]),
            version(days([1, 10, 100, 1000, 2000]), &[&one]),
        ];
        assert_eq!(std::collections::HashSet::from(different).len(), different.len());
    }

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for text in ["\"30d\"", "\"5h\"", "\"90s\"", "\"7m\"", "\"0s\""] {
            let span: Span = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&span).unwrap(), text);
        }
        for bad in ["\"\"", "\"d\"", "\"-1d\"", "\"1w\"", "5", "\"é\"", "\"99999999999d\""] {
            assert!(serde_json::from_str::<Span>(bad).is_err(), "{bad}");
        }
    }
}
