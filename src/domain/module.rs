//! The words of a module: its name, its type, and the hash of its token.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::text::wrapped_text;

/// The longest name of a module, in characters.
pub const MODULE_NAME_MAX: usize = 100;
/// The longest type of a module, in characters.
pub const MODULE_KIND_MAX: usize = 50;

/// What people call a module: 1 to 100 characters, no control characters; spaces around it go.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleName(Arc<str>);

/// What kind a module is, e.g. `Station`: 1 to 50 of `A-Z a-z 0-9 space _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleKind(Arc<str>);

/// SHA-256 of a module's token; compared in constant time.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

/// Why a text is no word of a module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModuleWordError {
    /// It is not a name.
    #[error("a module's name has 1 to {MODULE_NAME_MAX} characters, none of them a control character")]
    Name,
    /// It is not a type.
    #[error("a module's type has 1 to {MODULE_KIND_MAX} of `A-Z a-z 0-9 space _ -`")]
    Kind,
    /// It is not the hash of a token.
    #[error("the hash of a token has 64 of `0-9 a-f`")]
    Hash,
}

impl FromStr for ModuleName {
    type Err = ModuleWordError;

    fn from_str(text: &str) -> Result<Self, ModuleWordError> {
        let text = text.trim();
        let fits = (1..=MODULE_NAME_MAX).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) { Ok(Self(text.into())) } else { Err(ModuleWordError::Name) }
    }
}

impl FromStr for ModuleKind {
    type Err = ModuleWordError;

    fn from_str(text: &str) -> Result<Self, ModuleWordError> {
        let text = text.trim();
        let fits = (1..=MODULE_KIND_MAX).contains(&text.len());
        let is_written_well =
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-'));
        if fits && is_written_well { Ok(Self(text.into())) } else { Err(ModuleWordError::Kind) }
    }
}

wrapped_text!(ModuleName, ModuleKind);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl FromStr for TokenHash {
    type Err = ModuleWordError;

    fn from_str(text: &str) -> Result<Self, ModuleWordError> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(ModuleWordError::Hash);
        }
        for (place, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| ModuleWordError::Hash)?;
        }
        Ok(Self(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_follow_their_rules() {
        for good in ["a", "Gare de l'Est ⚙", &"x".repeat(100)] {
            assert!(good.parse::<ModuleName>().is_ok(), "{good}");
        }
        for bad in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(bad.parse::<ModuleName>().is_err(), "{bad}");
        }
        for good in ["Station", "Light effect", "a_b-2"] {
            assert!(good.parse::<ModuleKind>().is_ok(), "{good}");
        }
        for bad in ["", " ", "Gerät", "a/b", &"x".repeat(51)] {
            assert!(bad.parse::<ModuleKind>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hashes_read_as_they_are_written_and_show_nothing() {
        let hash = TokenHash::of("cm_secret");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_ne!(hash, TokenHash::of("cm_other"));
        assert_eq!(format!("{hash:?}"), "TokenHash(…)");
        for bad in ["", "zz", &"é".repeat(32), &"g".repeat(64)] {
            assert!(bad.parse::<TokenHash>().is_err(), "{bad}");
        }
    }
}
