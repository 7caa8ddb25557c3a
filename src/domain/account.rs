//! The words of an account: a mail address and a name, each with one door in.

use std::str::FromStr;

use super::text::wrapped_text;

/// The longest mail address, in bytes (RFC 5321, 4.5.3.1.3, without the angle brackets).
pub const EMAIL_MAX: usize = 254;

/// The longest name of a person, in characters.
pub const NAME_MAX: usize = 100;

/// A mail address, lower case, so that two spellings are one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

/// What a person is called: 1 to 100 characters, none of them a control character, no spaces around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonName(String);

/// Why a text is no word of an account; the text itself is not told, it may be a person's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountWordError {
    /// It is not a mail address.
    #[error("must be a mail address such as `name@example.org`, at most {EMAIL_MAX} bytes")]
    Email,
    /// It is not a name.
    #[error("must be 1 to {NAME_MAX} characters without control characters")]
    Name,
}

impl FromStr for Email {
    type Err = AccountWordError;

    fn from_str(text: &str) -> Result<Self, AccountWordError> {
        let text = text.trim().to_lowercase();
        let is_written_well = text.len() <= EMAIL_MAX && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        let has_both_parts = text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.starts_with('.')
        });
        if is_written_well && has_both_parts { Ok(Self(text)) } else { Err(AccountWordError::Email) }
    }
}

impl FromStr for PersonName {
    type Err = AccountWordError;

    fn from_str(text: &str) -> Result<Self, AccountWordError> {
        let text = text.trim();
        let is_written_well = (1..=NAME_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_written_well { Ok(Self(text.to_owned())) } else { Err(AccountWordError::Name) }
    }
}

wrapped_text!(Email, PersonName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_an_address_are_one() {
        assert_eq!("Ada@Example.ORG".parse::<Email>(), " ada@example.org ".parse());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "x".repeat(250));
        for bad in ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c", "a\0@c", "a@.c", &long] {
            assert_eq!(bad.parse::<Email>(), Err(AccountWordError::Email), "{bad}");
        }
    }

    #[test]
    fn names_are_short_and_printable() {
        assert_eq!("  Zoé Ødegård ".parse::<PersonName>().unwrap().as_str(), "Zoé Ødegård");
        assert!("é".repeat(100).parse::<PersonName>().is_ok());
        for bad in ["", "   ", "a\nb", "\u{7f}", &"x".repeat(101)] {
            assert_eq!(bad.parse::<PersonName>(), Err(AccountWordError::Name), "{bad}");
        }
    }
}
