//! The accounts of the demo: an admin and a person with modules of their own, with new passwords at every start.

use super::banner::DemoAccount;
use crate::auth::{Hasher, NewPassword, NewUser};
use crate::cli::CliError;
use crate::cli::password::random_password;
use crate::cli::user::accounts::{Change, add, change, open};
use crate::config::Config;
use crate::domain::account::{Email, PersonName};
use crate::domain::grant::Role;
use crate::store::users;

/// Role as the visitor reads it, name, address, role.
const PEOPLE: [(&str, &str, &str, Role); 2] = [
    ("Admin", "Ada Bell", "admin@demo.carillon", Role::Admin),
    ("User", "Theo Ring", "user@demo.carillon", Role::User),
];

/// Makes the accounts, or gives those of an earlier run new passwords.
///
/// # Errors
/// When the database cannot be used.
pub async fn prepare(config: &Config) -> Result<Vec<DemoAccount>, CliError> {
    let store = open(config)?;
    let hasher = Hasher::new(&config.auth);
    let mut accounts = Vec::new();
    for (role_name, name, email, role) in PEOPLE {
        let password = random_password();
        let new: NewPassword = password.parse().map_err(usage)?;
        let address: Email = email.parse().map_err(usage)?;
        let searched = address.clone();
        let known = store.read(move |conn| users::find_by_email(conn, &searched)).await?;
        if known.is_some() {
            let hash = hasher.hash(new).await?;
            change(&store, &address, Change::Password(hash)).await?;
            change(&store, &address, Change::Disabled(false)).await?;
        } else {
            let name: PersonName = name.parse().map_err(usage)?;
            add(&store, &hasher, NewUser { email: address, name, password: new, roles: vec![role] }).await?;
        }
        accounts.push(DemoAccount { role: role_name, email, password });
    }
    Ok(accounts)
}

fn usage(error: impl std::fmt::Display) -> CliError {
    CliError::Usage(error.to_string())
}
