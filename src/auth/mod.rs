//! Who somebody is and what they may do: passwords, tokens, logins.

mod changes;
mod principal;

pub use changes::AccountChanged;
pub use principal::{Credential, Principal};
