//! Claim codes: what people write from a label, and what can be said to the registry of them.

use actix::Message;
use serde::Serialize;

use super::entry::ModuleView;
use super::error::ModuleError;
use crate::auth::Principal;
use crate::domain::ids::ModuleId;
use crate::domain::time::Timestamp;

/// The letters of codes (Crockford's base 32): none that looks like another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How many letters a code has: 80 bits, which nobody can guess and a person can type.
const LENGTH: usize = 16;

/// Gives a module a new claim code; admins only.
#[derive(Debug, Message)]
#[rtype(result = "Result<ClaimCode, ModuleError>")]
pub struct IssueCode {
    /// Who asks.
    pub by: Principal,
    /// For which module.
    pub id: ModuleId,
}

/// Takes a module's claim code back; admins only.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), ModuleError>")]
pub struct RevokeCode {
    /// Who asks.
    pub by: Principal,
    /// Of which module.
    pub id: ModuleId,
}

/// Makes a person the owner of the module that a code is for.
#[derive(Message)]
#[rtype(result = "Result<ModuleView, ModuleError>")]
pub struct ClaimModule {
    /// Who asks.
    pub by: Principal,
    /// The code as it was written; never logged.
    pub code: String,
}

/// A claim code, shown this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimCode {
    /// The code: four times four letters.
    pub claim_code: String,
    /// Until when it works.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Makes a code, without the strokes between its parts.
pub fn generate() -> String {
    rand::random::<[u8; LENGTH]>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}

/// A code as people read it: `7K3M-9QXV-…`.
pub fn written(code: &str) -> String {
    let parts: Vec<_> = code.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
    parts.join("-")
}

/// Reads a code as people write it: in any case, with or without strokes and spaces, `O` for `0` and `I` or `L` for `1`.
pub fn read(text: &str) -> Option<String> {
    if text.len() > 4 * LENGTH {
        return None;
    }
    let letters =
        text.chars().filter(|letter| !matches!(letter, '-' | ' ')).map(|letter| match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        });
    let code: String = letters.collect();
    let is_code = code.len() == LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter));
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        let code = generate();
        let shown = written(&code);
        assert_eq!((code.len(), shown.len()), (16, 19));
        assert_ne!(code, generate());
        for text in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), code.clone()] {
            assert_eq!(read(&text).as_ref(), Some(&code), "{text}");
        }
        assert_eq!(read("oOiI-lL00-0000-0000").unwrap(), "0011110000000000");
        for bad in ["", "0000", "U000-0000-0000-0000", "0000-0000-0000-00000", &"0".repeat(1000)] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
