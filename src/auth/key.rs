//! The key that signs access tokens: given, or made once and kept in the data folder.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::opaque;
use crate::config::{Secret, make_private_folder};

/// The shortest key, in bytes: that of the hash it is used with (RFC 7518, 3.2).
pub const KEY_MIN: usize = 32;

/// The key that signs access tokens; shown nowhere.
pub struct SigningKey(Vec<u8>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Somebody could guess it.
    #[error(
        "the key for tokens has only {0} bytes; give `JWT_SECRET_KEY` at least {KEY_MIN}, e.g. of `openssl rand -hex 32`"
    )]
    TooShort(usize),
    /// The file of the key cannot be read or made.
    #[error("the key for tokens in `{}` cannot be read or made: {cause}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file holds no key.
    #[error("the key for tokens in `{}` is damaged; remove the file to have a new one made, which ends all access tokens", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

impl SigningKey {
    /// The name of its file in the data folder.
    pub const FILE: &str = "jwt.key";

    /// Takes the key that is given, or reads `jwt.key` of the data folder, which is made when missing.
    ///
    /// # Errors
    /// [`KeyError`] when the key is too short or the file cannot be used.
    pub fn load(given: Option<&Secret>, data: &Path) -> Result<Self, KeyError> {
        if let Some(key) = given {
            return Self::from_text(key.expose());
        }
        let path = data.join(Self::FILE);
        let text = read_or_make(&path).map_err(|cause| KeyError::File { path: path.clone(), cause })?;
        Self::from_text(text.trim()).map_err(|_| KeyError::Damaged { path })
    }

    /// Takes a text as the key.
    ///
    /// # Errors
    /// [`KeyError::TooShort`] for less than `KEY_MIN` bytes.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.len() < KEY_MIN { Err(KeyError::TooShort(text.len())) } else { Ok(Self(text.as_bytes().to_vec())) }
    }

    /// Names the key without telling it: another key has another name.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::new_with_prefix(b"carillon key id").chain_update(&self.0).finalize();
        digest[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key itself.
    #[must_use]
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        read => read,
    }
}

/// Writes the key aside and links it into place, so that no crash leaves half of one and no two starts make two.
fn make(path: &Path) -> io::Result<String> {
    if let Some(folder) = path.parent() {
        make_private_folder(folder)?;
    }
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(opaque::generate().as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(path),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::testing::Scratch;

    #[test]
    fn a_key_is_made_once_for_its_owner_only() {
        let scratch = Scratch::new();
        let data = scratch.path().join("data");
        let made = SigningKey::load(None, &data).unwrap();

        assert_eq!(SigningKey::load(None, &data).unwrap().0, made.0);
        assert_eq!(data.join("jwt.key").metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }

    #[test]
    fn a_short_key_is_refused() {
        let given = Secret::new("short");
        assert!(matches!(SigningKey::load(Some(&given), Path::new("nowhere")), Err(KeyError::TooShort(5))));
    }

    #[test]
    fn a_damaged_file_is_told() {
        let scratch = Scratch::new();
        fs::write(scratch.path().join("jwt.key"), "half").unwrap();
        assert!(matches!(SigningKey::load(None, scratch.path()), Err(KeyError::Damaged { .. })));
    }

    #[test]
    fn the_name_of_a_key_is_its_own() {
        let key = |text: &str| SigningKey::from_text(&text.repeat(32)).unwrap().id();
        assert_ne!(key("a"), key("b"));
    }
}
