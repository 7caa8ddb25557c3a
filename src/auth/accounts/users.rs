//! Managing accounts, one's own and others'. Who may is judged at the door.

use std::time::Instant;

use actix::prelude::*;

use super::{Accounts, Desk};
use crate::auth::first_admin::{distinct, taken_or};
use crate::auth::{AccountChanged, AuthError, NewPassword, NewUser, Orphan, create_user, remove_user};
use crate::domain::account::{Email, PersonName};
use crate::domain::event::NewEvent;
use crate::domain::grant::Role;
use crate::domain::ids::{LoginId, UserId};
use crate::domain::time::Timestamp;
use crate::store::announcements::{self, Announced};
use crate::store::users::{self, User, UserFilter};
use crate::store::{Connection, StoreError, logins};

/// Asks for one page of the accounts.
#[derive(Message)]
#[rtype(result = "Result<UserPage, AuthError>")]
pub struct ListUsers(pub UserFilter);

/// One page of the accounts.
#[derive(Debug)]
pub struct UserPage {
    /// The accounts of the page.
    pub users: Vec<User>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Asks for an account.
#[derive(Message)]
#[rtype(result = "Result<User, AuthError>")]
pub struct FindUser(pub UserId);

/// Asks how many accounts there are; zero when the database does not answer.
#[derive(Debug, Message)]
#[rtype(result = "u64")]
pub struct CountUsers;

/// Makes an account.
#[derive(Message)]
#[rtype(result = "Result<User, AuthError>")]
pub struct CreateUser(pub NewUser);

/// Changes an account.
#[derive(Message)]
#[rtype(result = "Result<User, AuthError>")]
pub struct UpdateUser {
    /// Which account.
    pub id: UserId,
    /// What changes.
    pub changes: UserChanges,
    /// The login that asks for it, which a new password does not end.
    pub by: LoginId,
}

/// What changes in an account; nothing stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    /// The name from now on.
    pub name: Option<PersonName>,
    /// The address from now on.
    pub email: Option<Email>,
    /// The roles from now on.
    pub roles: Option<Vec<Role>>,
    /// The password from now on; the other logins end.
    pub password: Option<NewPassword>,
    /// Whether the person is kept out from now on; if so all logins end.
    pub disabled: Option<bool>,
}

/// Removes an account with its logins.
#[derive(Message)]
#[rtype(result = "Result<(), AuthError>")]
pub struct DeleteUser(pub UserId);

impl Handler<ListUsers> for Accounts {
    type Result = ResponseFuture<Result<UserPage, AuthError>>;

    fn handle(&mut self, ListUsers(filter): ListUsers, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move {
            let (users, total) = desk.store.read(move |conn| users::list(conn, &filter)).await?;
            Ok(UserPage { users, total: total.unsigned_abs() })
        })
    }
}

impl Handler<FindUser> for Accounts {
    type Result = ResponseFuture<Result<User, AuthError>>;

    fn handle(&mut self, FindUser(id): FindUser, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move {
            let wanted = id.clone();
            desk.store.read(move |conn| users::find(conn, &wanted)).await.map_err(|error| missing_or(error, &id))
        })
    }
}

impl Handler<CountUsers> for Accounts {
    type Result = ResponseFuture<u64>;

    fn handle(&mut self, _: CountUsers, _: &mut Self::Context) -> Self::Result {
        let store = self.desk.store.clone();
        Box::pin(async move { store.read(users::count).await.unwrap_or_default().unsigned_abs() })
    }
}

impl Handler<CreateUser> for Accounts {
    type Result = ResponseFuture<Result<User, AuthError>>;

    fn handle(&mut self, CreateUser(new): CreateUser, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move { create_user(&desk.store, &desk.hasher, new).await })
    }
}

impl Handler<UpdateUser> for Accounts {
    type Result = ResponseFuture<Result<User, AuthError>>;

    fn handle(&mut self, message: UpdateUser, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move { desk.update_user(message).await })
    }
}

impl Handler<DeleteUser> for Accounts {
    type Result = ResponseFuture<Result<(), AuthError>>;

    fn handle(&mut self, DeleteUser(id): DeleteUser, _: &mut Self::Context) -> Self::Result {
        self.work(|desk| async move {
            let gone = id.clone();
            let orphans = desk.write(move |conn| delete(conn, &gone)).await?.into();
            desk.tell(AccountChanged::Removed { user_id: id, orphans });
            Ok(())
        })
    }
}

/// An account after a change, the logins that the change ended, and the events of a new profile and of new roles.
struct Updated {
    after: User,
    ended: Vec<LoginId>,
    announced: Option<Announced>,
    parted: Option<Announced>,
}

impl Desk {
    async fn update_user(&self, UpdateUser { id, mut changes, by }: UpdateUser) -> Result<User, AuthError> {
        let password_hash = match changes.password.take() {
            Some(password) => Some(self.hasher.hash(password).await?),
            None => None,
        };
        let updated = self.write(move |conn| update(conn, &id, changes, password_hash, &by)).await?;
        self.tell_update(&updated);
        Ok(updated.after)
    }

    fn tell_update(&self, Updated { after, ended, announced, parted }: &Updated) {
        let user_id = after.id.clone();
        if let Some(announced) = announced.clone() {
            self.tell(AccountChanged::ProfileUpdated { user_id: user_id.clone(), announced });
        }
        if let Some(announced) = parted.clone() {
            // Before it is told: whoever is looked up from then on has the new ones.
            let (roles, changed_at) = (after.roles.clone(), Instant::now());
            self.tell(AccountChanged::RolesChanged { user_id: user_id.clone(), roles, changed_at, announced });
        }
        if !ended.is_empty() {
            self.tell(AccountChanged::Revoked { user_id, logins: ended.clone() });
        }
    }
}

fn update(
    conn: &mut Connection,
    id: &UserId,
    changes: UserChanges,
    password_hash: Option<String>,
    by: &LoginId,
) -> Result<Updated, AuthError> {
    let before = users::find(conn, id).map_err(|error| missing_or(error, id))?;
    let has_new_password = password_hash.is_some();
    let now = Timestamp::now();
    let after = User {
        name: changes.name.unwrap_or_else(|| before.name.clone()),
        email: changes.email.unwrap_or_else(|| before.email.clone()),
        roles: changes.roles.map_or_else(|| before.roles.clone(), distinct),
        disabled: changes.disabled.unwrap_or(before.disabled),
        password_hash: password_hash.unwrap_or_else(|| before.password_hash.clone()),
        ..before.clone()
    };
    if after == before {
        return Ok(Updated { after, ended: vec![], announced: None, parted: None });
    }
    if !after.is_active_admin() {
        keep_an_admin(conn, &before)?;
    }
    let after = User { updated_at: now, ..after };
    users::update(conn, &after).map_err(|error| taken_or(error, after.email.clone()))?;
    let ended = if after.disabled {
        logins::revoke_all(conn, id, None, now)?
    } else if has_new_password {
        logins::revoke_all(conn, id, Some(by), now)?
    } else {
        vec![]
    };
    let has_new_profile = before.name != after.name || before.email != after.email;
    let announced = has_new_profile.then(|| announcements::add(conn, NewEvent::user_profile_updated(after.facts())));
    let announced = announced.transpose()?;
    let has_new_roles = before.roles != after.roles;
    let parted = has_new_roles.then(|| announcements::add(conn, NewEvent::user_roles_changed(id))).transpose()?;
    Ok(Updated { after, ended, announced, parted })
}

fn delete(conn: &mut Connection, id: &UserId) -> Result<Vec<Orphan>, AuthError> {
    let user = users::find(conn, id).map_err(|error| missing_or(error, id))?;
    keep_an_admin(conn, &user)?;
    Ok(remove_user(conn, id)?)
}

/// Refuses to lose the last admin.
fn keep_an_admin(conn: &mut Connection, leaving: &User) -> Result<(), AuthError> {
    let is_last = leaving.is_active_admin() && users::count_active_admins(conn)? <= 1;
    if is_last { Err(AuthError::LastAdmin) } else { Ok(()) }
}

fn missing_or(error: StoreError, id: &UserId) -> AuthError {
    if matches!(error, StoreError::NotFound) { AuthError::NoSuchUser(id.clone()) } else { error.into() }
}
