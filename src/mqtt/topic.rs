//! Names of topics, and filters that choose some of them (MQTT 5, 4.7).

use std::fmt;
use std::str::FromStr;

use bytestring::ByteString;

/// How many levels a name or filter may have: matching is linear in them, and nobody needs more.
const LEVELS_MAX: usize = 32;
/// What begins the filter of a subscription that several clients share.
const SHARED: &str = "$share/";

/// A text that is no name or no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Empty, too deep, or with a character that may not be sent.
    #[error("a topic has 1 to {LEVELS_MAX} levels and no character U+0000")]
    Text,
    /// A name with wildcards.
    #[error("the name of a topic has no `+` and no `#`")]
    Wildcard,
    /// A filter whose wildcards stand where they may not.
    #[error("`+` must be a whole level, and `#` the last one")]
    Filter,
}

/// Chooses topics: names whose levels may be `+`, the last one `#`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// As the client wrote it.
    text: ByteString,
    /// Where the filter begins, behind the group of a shared one.
    start: usize,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// [`TopicError`] when it is none.
    pub fn read(text: &ByteString) -> Result<Self, TopicError> {
        let start = match text.strip_prefix(SHARED).map(|rest| rest.split_once('/')) {
            None => 0,
            Some(Some((group, _))) if !group.is_empty() && !group.contains(['+', '#']) => {
                SHARED.len() + group.len() + 1
            }
            Some(_) => return Err(TopicError::Filter),
        };
        check_text(&text[start..])?;
        let last = text[start..].split('/').count() - 1;
        let is_well_placed = |(place, level): (usize, &str)| match level {
            "+" => true,
            "#" => place == last,
            level => !level.contains(['+', '#']),
        };
        if text[start..].split('/').enumerate().all(is_well_placed) {
            return Ok(Self { text: text.clone(), start });
        }
        Err(TopicError::Filter)
    }

    /// As the client wrote it.
    #[must_use]
    pub const fn text(&self) -> &ByteString {
        &self.text
    }

    /// The filter itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text[self.start..]
    }

    /// The group that shares the subscription; none if nobody does.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        (self.start > 0).then(|| &self.text[SHARED.len()..self.start - 1])
    }

    /// Whether it chooses a topic. Names that begin with `$` are not chosen by a wildcard in their first place.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let filter = self.as_str();
        if name.starts_with('$') && filter.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = name.split('/');
        for wanted in filter.split('/') {
            match (wanted, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (wanted, Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

impl FromStr for Filter {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        Self::read(&text.into())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Makes sure that a text is the name of a topic.
///
/// # Errors
/// [`TopicError`] when it is none.
pub fn check_name(text: &str) -> Result<(), TopicError> {
    check_text(text)?;
    if text.bytes().any(|byte| matches!(byte, b'+' | b'#')) { Err(TopicError::Wildcard) } else { Ok(()) }
}

fn check_text(text: &str) -> Result<(), TopicError> {
    let levels = 1 + text.bytes().filter(|byte| *byte == b'/').count();
    let is_good = !text.is_empty() && !text.bytes().any(|byte| byte == 0) && levels <= LEVELS_MAX;
    if is_good { Ok(()) } else { Err(TopicError::Text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(filter: &str, name: &str) -> bool {
        filter.parse::<Filter>().unwrap().matches(name)
    }

    #[test]
    fn filters_choose_as_the_standard_says() {
        for (filter, name) in [
            ("a/b", "a/b"),
            ("sport/tennis/player1/#", "sport/tennis/player1"),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking"),
            ("#", "a/b"),
            ("+", "a"),
            ("/+", "/finance"),
            ("+/+", "/finance"),
            ("sport/+", "sport/"),
            ("$SYS/#", "$SYS/monitor"),
            ("$share/group/a/+", "a/b"),
        ] {
            assert!(matches(filter, name), "{filter} {name}");
        }
        for (filter, name) in [
            ("a/b", "a/B"),
            ("a/b", "a/b/c"),
            ("sport/+", "sport"),
            ("+", "/finance"),
            ("#", "$SYS/monitor"),
            ("+/monitor", "$SYS/monitor"),
            ("$share/group/a/+", "group/a/b"),
        ] {
            assert!(!matches(filter, name), "{filter} {name}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = "a/".repeat(40);
        for bad in
            ["", "a#", "a/#/b", "+a", "a/b+", "a\0b", "$share/", "$share/group", "$share//a", "$share/+/a", &deep]
        {
            assert!(bad.parse::<Filter>().is_err(), "{bad:?}");
        }
        assert_eq!("$share/group/a".parse::<Filter>().unwrap().group(), Some("group"));
        for bad in ["", "a/+", "#", "a\0", &deep] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("/a//").is_ok());
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_filter_and_a_name_chooses_itself(text in "[a-c+#/$]{0,12}", name in "[a-c/$]{1,12}") {
            let filter = text.parse::<Filter>();
            if let Ok(filter) = &filter {
                let _ = filter.matches(&name);
            }
            prop_assert!(check_name(&name).is_err() || matches(&name, &name) || name.starts_with("$share"));
            if name.starts_with(|first| first != '$') {
                prop_assert!(matches("#", &name));
            }
        }
    }
}
