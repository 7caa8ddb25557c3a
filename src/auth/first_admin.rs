//! Making accounts, the first of them from the configuration or by a one-time token.

use super::{AuthError, Hasher, NewPassword, opaque};
use crate::config::Admin as AdminConfig;
use crate::domain::account::{Email, PersonName};
use crate::domain::grant::Role;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::store::users::{self, User};
use crate::store::{Connection, Store, StoreError};

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its address.
    pub email: Email,
    /// What the person is called.
    pub name: PersonName,
    /// The first password.
    pub password: NewPassword,
    /// What the person is to the hub.
    pub roles: Vec<Role>,
}

/// How the first account comes to be.
#[derive(Debug, PartialEq, Eq)]
pub enum FirstAdmin {
    /// There are accounts.
    Exists,
    /// It was made from the configuration.
    Made(Email),
    /// Whoever shows this token may make it (`/setup#<token>`); to be told to the operator, and to `AccountsOptions`.
    Token(String),
}

/// Makes the first admin from the configuration when there are no accounts, or else a setup token.
///
/// # Errors
/// [`AuthError::FirstAdmin`] when the configured account cannot be made.
pub async fn first_admin(store: &Store, hasher: &Hasher, config: &AdminConfig) -> Result<FirstAdmin, AuthError> {
    if store.read(users::count).await? > 0 {
        return Ok(FirstAdmin::Exists);
    }
    let (Some(email), Some(password)) = (&config.email, &config.password) else {
        return Ok(FirstAdmin::Token(opaque::generate()));
    };
    let email: Email = email.parse().map_err(|error| AuthError::FirstAdmin(format!("the address {error}")))?;
    let password = password.expose().parse::<NewPassword>();
    let password = password.map_err(|error| AuthError::FirstAdmin(format!("the password {error}")))?;
    let name = email.as_str().split('@').next().and_then(|local| local.parse().ok());
    let name = name.ok_or_else(|| AuthError::FirstAdmin("the address has too long a name".to_owned()))?;
    create_user(store, hasher, NewUser { email: email.clone(), name, password, roles: vec![Role::Admin] }).await?;
    Ok(FirstAdmin::Made(email))
}

/// Makes an account.
///
/// # Errors
/// [`AuthError::EmailTaken`], and [`AuthError::Busy`] when too many passwords wait for their hash.
pub async fn create_user(store: &Store, hasher: &Hasher, new: NewUser) -> Result<User, AuthError> {
    let password_hash = hasher.hash(new.password.clone()).await?;
    let user = user_of(new, password_hash);
    let email = user.email.clone();
    let stored = store.write(move |conn| users::insert(conn, &user).map(|()| user)).await;
    stored.map_err(|error| taken_or(error, email))
}

/// The row of a new account.
pub(super) fn user_of(new: NewUser, password_hash: String) -> User {
    let now = Timestamp::now();
    User {
        id: UserId::generate(),
        email: new.email,
        name: new.name,
        password_hash,
        roles: distinct(new.roles),
        disabled: false,
        created_at: now,
        updated_at: now,
        last_login_at: None,
    }
}

/// Adds the first account; nothing when there is one already.
pub(super) fn insert_first(conn: &mut Connection, user: &User) -> Result<bool, StoreError> {
    if users::count(conn)? > 0 {
        return Ok(false);
    }
    users::insert(conn, user)?;
    Ok(true)
}

/// The only conflict an account can have is about its address.
pub(super) fn taken_or(error: StoreError, email: Email) -> AuthError {
    if matches!(error, StoreError::Conflict(_)) { AuthError::EmailTaken(email) } else { error.into() }
}

/// Roles in order, each once.
pub(super) fn distinct(mut roles: Vec<Role>) -> Vec<Role> {
    roles.sort_unstable();
    roles.dedup();
    roles
}
