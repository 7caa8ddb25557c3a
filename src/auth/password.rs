//! Passwords: what a new one must be, and their hashes, made where they hold nobody up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tokio::sync::Semaphore;

use super::AuthError;
use crate::config::Auth as AuthConfig;

/// The shortest new password, in characters.
pub const PASSWORD_MIN: usize = 10;

/// The longest password, in bytes; bcrypt would silently ignore what follows.
pub const PASSWORD_MAX: usize = 72;

/// How long a login waits for its turn to be hashed.
const TURN_TIMEOUT: Duration = Duration::from_secs(10);

/// A password that may be set; shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

/// Why a text cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is too short.
    #[error("must have at least {PASSWORD_MIN} characters")]
    TooShort,
    /// It is too long.
    #[error("must have at most {PASSWORD_MAX} bytes")]
    TooLong,
    /// It has characters nobody can type.
    #[error("must not contain control characters")]
    Control,
}

impl FromStr for NewPassword {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        if text.len() > PASSWORD_MAX {
            return Err(PasswordError::TooLong);
        }
        if text.chars().count() < PASSWORD_MIN {
            return Err(PasswordError::TooShort);
        }
        if text.chars().any(char::is_control) { Err(PasswordError::Control) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(…)")
    }
}

impl<'de> Deserialize<'de> for NewPassword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Hashes and checks passwords on blocking threads, a few at a time; clones share the waiting line.
#[derive(Debug, Clone)]
pub struct Hasher {
    cost: u32,
    /// Who may wait or be served; more are turned away.
    line: Arc<Semaphore>,
    /// Who is served.
    turns: Arc<Semaphore>,
    /// Checked in place of the hash of an account that does not exist.
    nobody: Arc<str>,
    computed: Arc<AtomicU64>,
}

impl Hasher {
    /// Takes `bcrypt_cost`, `hash_threads` and `max_waiting_logins`.
    #[must_use]
    pub fn new(config: &AuthConfig) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if config.hash_threads == 0 { (cores / 2).max(1) } else { config.hash_threads };
        Self {
            cost: config.bcrypt_cost,
            line: Arc::new(Semaphore::new(threads + config.max_waiting_logins)),
            turns: Arc::new(Semaphore::new(threads)),
            nobody: format!("$2b${:02}${}", config.bcrypt_cost, ".".repeat(53)).into(),
            computed: Arc::default(),
        }
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when too many wait.
    pub async fn hash(&self, password: NewPassword) -> Result<String, AuthError> {
        let cost = self.cost;
        self.compute(move || bcrypt::hash(password.0, cost)).await
    }

    /// Whether the password has the hash; without a hash the same work is done and the answer is no.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when too many wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, AuthError> {
        let fits = hash.is_some() && password.len() <= PASSWORD_MAX;
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let is_it = self.compute(move || bcrypt::verify(password, &hash)).await?;
        Ok(is_it && fits)
    }

    /// How many hashes have been computed.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> bcrypt::BcryptResult<T> + Send + 'static,
    ) -> Result<T, AuthError> {
        let place = self.line.clone().try_acquire_owned().map_err(|_| AuthError::Busy)?;
        let turn = tokio::time::timeout(TURN_TIMEOUT, self.turns.clone().acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(AuthError::Busy)?;
        self.computed.fetch_add(1, Ordering::Relaxed);
        let job = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((place, turn));
            result
        });
        let done = job.await.map_err(|error| AuthError::Unavailable(format!("a hash broke off: {error}")))?;
        done.map_err(|error| AuthError::Unavailable(format!("a hash cannot be computed: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(waiting: usize) -> Hasher {
        let config =
            AuthConfig { bcrypt_cost: 4, hash_threads: 1, max_waiting_logins: waiting, ..AuthConfig::default() };
        Hasher::new(&config)
    }

    #[test]
    fn new_passwords_have_their_length() {
        assert!("ten chars!".parse::<NewPassword>().is_ok());
        assert!("é".repeat(36).parse::<NewPassword>().is_ok());
        for (bad, why) in [
            ("nine char", PasswordError::TooShort),
            (&*"é".repeat(37), PasswordError::TooLong),
            ("with\0 a nothing", PasswordError::Control),
        ] {
            assert_eq!(bad.parse::<NewPassword>(), Err(why));
        }
    }

    #[actix::test]
    async fn only_the_password_fits_its_hash() {
        let hasher = hasher(8);
        let hash = hasher.hash("correct horse".parse().unwrap()).await.unwrap();
        assert!(hasher.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("correct house".into(), Some(hash)).await.unwrap());
    }

    #[actix::test]
    async fn what_is_cut_off_counts_too() {
        let hasher = hasher(8);
        let longest = "x".repeat(72);
        let hash = hasher.hash(longest.parse().unwrap()).await.unwrap();
        assert!(hasher.verify(longest.clone(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(longest + "y", Some(hash)).await.unwrap());
    }

    #[actix::test]
    async fn nobody_costs_as_much_as_somebody() {
        let hasher = hasher(8);
        assert!(!hasher.verify("anything".into(), None).await.unwrap());
        assert_eq!(hasher.computed(), 1);
        let parts: bcrypt::HashParts = hasher.nobody.parse().unwrap();
        assert_eq!(parts.get_cost(), 4);
    }

    #[actix::test]
    async fn who_finds_the_line_full_is_turned_away() {
        let hasher = hasher(1);
        let tries = (0..3).map(|_| hasher.verify("anything".into(), None));
        let answers = futures_util::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(AuthError::Busy))).count(), 1);
    }
}
