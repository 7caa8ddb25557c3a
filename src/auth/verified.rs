//! Access tokens whose signature was found good, so that it need not be computed for every request.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::token::TokenFacts;

/// How many tokens a generation has; as many again are remembered of the one before.
const GENERATION: usize = 2048;

/// What verified tokens say; what does not change by itself only: neither that one has ended nor that its login has.
///
/// Invariant: holds whole tokens, each of which the hub has signed, at most twice [`GENERATION`] of them. Looking one up
/// compares it with none but itself: the hash, under a key of its own, leads there, so that the time taken tells a stranger nothing.
#[derive(Debug, Default)]
pub struct Verified(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Box<str>, TokenFacts>,
    old: HashMap<Box<str>, TokenFacts>,
}

impl Verified {
    /// What a token says, if it is remembered.
    pub fn find(&self, token: &str) -> Option<TokenFacts> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = generations.young.get(token) {
            return Some(facts.clone());
        }
        let (token, facts) = generations.old.remove_entry(token)?;
        generations.add(token, facts.clone());
        Some(facts)
    }

    /// Remembers what a token says that was verified.
    pub fn add(&self, token: &str, facts: TokenFacts) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(token.into(), facts);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn add(&mut self, token: Box<str>, facts: TokenFacts) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, facts);
    }
}

/// Tokens are shown nowhere.
impl std::fmt::Debug for Generations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generations").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{LoginId, UserId};
    use crate::domain::time::Timestamp;

    fn facts() -> TokenFacts {
        TokenFacts { user_id: UserId::generate(), login_id: LoginId::generate(), expires_at: Timestamp::now() }
    }

    #[test]
    fn a_token_is_known_by_all_of_it() {
        let (verified, facts) = (Verified::default(), facts());
        verified.add("a.b.c", facts.clone());

        assert_eq!(verified.find("a.b.c"), Some(facts));
        for other in ["a.b.d", "a.b.", "a.b.cc", ""] {
            assert_eq!(verified.find(other), None, "{other}");
        }
    }

    #[test]
    fn verified_tokens_are_remembered_a_bounded_number_of_times_and_those_in_use_stay() {
        let verified = Verified::default();
        verified.add("in use", facts());
        for number in 0..10 * GENERATION {
            verified.add(&number.to_string(), facts());
            assert!(verified.find("in use").is_some(), "{number}");
        }

        assert!(verified.len() <= 2 * GENERATION, "{}", verified.len());
        assert!(verified.find("0").is_none());
    }
}
