//! Access tokens whose signature was found good, so that it need not be computed for every request.

use super::lately::Lately;
use super::token::TokenFacts;

/// What verified tokens say; what does not change by itself only: neither that one has ended nor that its login has.
///
/// Invariant: holds whole tokens, each of which the hub has signed.
#[derive(Debug, Default)]
pub struct Verified(Lately<Box<str>, TokenFacts>);

impl Verified {
    /// What a token says, if it is remembered.
    pub fn find(&self, token: &str) -> Option<TokenFacts> {
        self.0.find(token, |_| true)
    }

    /// Remembers what a token says that was verified.
    pub fn add(&self, token: &str, facts: TokenFacts) {
        self.0.add(token.into(), facts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::lately::GENERATION;
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

        assert!(verified.0.len() <= 2 * GENERATION, "{}", verified.0.len());
        assert!(verified.find("0").is_none());
    }
}
