//! The tables `logins` and `spent_refresh_tokens`: one login is one family of tokens, and ends as one.
//!
//! Only hashes of tokens are stored.

use diesel::prelude::*;

use super::schema::{logins, spent_refresh_tokens as spent, users};
use super::users::{User, UserRow};
use super::{Connection, StoreError};
use crate::domain::grant::Role;
use crate::domain::ids::{LoginId, UserId};
use crate::domain::time::Timestamp;

/// A login as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Which login.
    pub id: LoginId,
    /// Whose.
    pub user_id: UserId,
    /// Hash of the session cookie.
    pub cookie_hash: String,
    /// Hash of the one refresh token that works.
    pub refresh_hash: String,
    /// When the person logged in.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When its tokens were last renewed.
    pub last_used_at: Timestamp,
    /// When it was ended.
    pub revoked_at: Option<Timestamp>,
    /// Where the person came from.
    pub address: String,
    /// What program they used, by its own word.
    pub user_agent: String,
}

impl Login {
    /// Whether it has neither ended nor been ended.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Whose login it is, as far as a request needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which login.
    pub login_id: LoginId,
    /// Whose.
    pub user_id: UserId,
    /// What they are called.
    pub name: String,
    /// Their address.
    pub email: String,
    /// What they are to the hub.
    pub roles: Vec<Role>,
    /// When the login ends by itself.
    pub expires_at: Timestamp,
    is_ended: bool,
}

impl Holder {
    /// Whether the login has neither ended nor been ended, and the person is not kept out.
    #[must_use]
    pub fn is_let_in(&self, now: Timestamp) -> bool {
        !self.is_ended && now < self.expires_at
    }
}

/// Adds a login.
///
/// # Errors
/// [`StoreError::Conflict`] when the account is gone.
pub fn insert(conn: &mut Connection, login: &Login) -> Result<(), StoreError> {
    diesel::insert_into(logins::table).values(LoginRow::from(login)).execute(conn)?;
    Ok(())
}

/// Whose a login is, alive or not.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn find(conn: &mut Connection, id: &LoginId) -> Result<Option<Holder>, StoreError> {
    holder(find_where!(conn, HolderRow, logins::id.eq(id.as_str())))
}

/// Whose the login of a session cookie is, alive or not.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn find_by_cookie(conn: &mut Connection, hash: &str) -> Result<Option<Holder>, StoreError> {
    holder(find_where!(conn, HolderRow, logins::cookie_hash.eq(hash)))
}

/// The login of its current refresh token with its account, alive or not.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn find_by_refresh(conn: &mut Connection, hash: &str) -> Result<Option<(Login, User)>, StoreError> {
    both(find_where!(conn, Both, logins::refresh_hash.eq(hash)))
}

/// The login that a refresh token belonged to before it was used.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn find_by_spent_refresh(conn: &mut Connection, hash: &str) -> Result<Option<(Login, User)>, StoreError> {
    let login: Option<String> = spent::table.find(hash).select(spent::login_id).first(conn).optional()?;
    let Some(login) = login else { return Ok(None) };
    both(find_where!(conn, Both, logins::id.eq(login)))
}

/// Replaces the refresh token and remembers the old one as spent.
///
/// # Errors
/// [`StoreError::NotFound`] when the login is gone.
pub fn rotate(conn: &mut Connection, login: &Login, refresh_hash: &str, now: Timestamp) -> Result<(), StoreError> {
    let old = (
        spent::hash.eq(&login.refresh_hash),
        spent::login_id.eq(login.id.as_str()),
        spent::spent_at.eq(now.as_millis()),
    );
    diesel::insert_into(spent::table).values(old).execute(conn)?;
    let change = (
        logins::refresh_hash.eq(refresh_hash),
        logins::expires_at.eq(login.expires_at.as_millis()),
        logins::last_used_at.eq(now.as_millis()),
    );
    let changed = diesel::update(logins::table.find(login.id.as_str())).set(change).execute(conn)?;
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Ends a login; answers whether it was alive.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn revoke(conn: &mut Connection, id: &LoginId, now: Timestamp) -> Result<bool, StoreError> {
    let alive = logins::table.find(id.as_str()).filter(logins::revoked_at.is_null());
    Ok(diesel::update(alive).set(logins::revoked_at.eq(now.as_millis())).execute(conn)? > 0)
}

/// Ends all logins of an account but one; answers those that were alive.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn revoke_all(
    conn: &mut Connection,
    user: &UserId,
    but: Option<&LoginId>,
    now: Timestamp,
) -> Result<Vec<LoginId>, StoreError> {
    let kept = but.map_or("", LoginId::as_str);
    let alive = logins::user_id.eq(user.as_str()).and(logins::revoked_at.is_null()).and(logins::id.ne(kept));
    let ended: Vec<String> = logins::table.filter(alive).select(logins::id).load(conn)?;
    diesel::update(logins::table.filter(alive)).set(logins::revoked_at.eq(now.as_millis())).execute(conn)?;
    ended.iter().map(|id| id.parse().map_err(|_| StoreError::unreadable("logins", id))).collect()
}

/// The logins that have neither ended nor been ended, of people who are not kept out.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn alive(conn: &mut Connection, now: Timestamp) -> Result<Vec<LoginId>, StoreError> {
    let alive = logins::revoked_at.is_null().and(logins::expires_at.gt(now.as_millis())).and(users::disabled.eq(0));
    let ids: Vec<String> = joined().filter(alive).select(logins::id).load(conn)?;
    ids.iter().map(|id| id.parse().map_err(|_| StoreError::unreadable("logins", id))).collect()
}

/// Forgets logins that ended before a time; answers how many.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn forget_ended(conn: &mut Connection, before: Timestamp) -> Result<usize, StoreError> {
    let ended =
        logins::expires_at.lt(before.as_millis()).or(logins::revoked_at.lt(before.as_millis()).assume_not_null());
    Ok(diesel::delete(logins::table.filter(ended)).execute(conn)?)
}

type Both = (LoginRow, UserRow);

#[diesel::dsl::auto_type]
fn joined() -> _ {
    logins::table.inner_join(users::table)
}

/// The one row of a login and its account that a filter lets through, which asks for what is unique.
///
/// Each database is asked by itself, as a statement for either would be put together anew each time; and without a limit, as
/// SQLite prepares a statement anew whenever the number behind its `LIMIT` is bound. Both cost more than the search, and
/// every request asks here.
macro_rules! find_where {
    ($conn:expr, $row:ty, $filter:expr) => {{
        let sought = joined().filter($filter);
        match $conn {
            Connection::Sqlite(conn) => sought.select(<$row>::as_select()).get_result(conn),
            Connection::Postgres(conn) => sought.select(<$row>::as_select()).get_result(conn),
        }
    }};
}
use find_where;

fn holder(found: QueryResult<HolderRow>) -> Result<Option<Holder>, StoreError> {
    found.optional()?.map(Holder::try_from).transpose()
}

fn both(found: QueryResult<Both>) -> Result<Option<(Login, User)>, StoreError> {
    let Some((login, user)) = found.optional()? else { return Ok(None) };
    Ok(Some((login.try_into()?, user.try_into()?)))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = logins)]
struct LoginRow {
    id: String,
    user_id: String,
    cookie_hash: String,
    refresh_hash: String,
    created_at: i64,
    expires_at: i64,
    last_used_at: i64,
    revoked_at: Option<i64>,
    address: String,
    user_agent: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = logins)]
struct HolderRow {
    id: String,
    expires_at: i64,
    revoked_at: Option<i64>,
    #[diesel(embed)]
    user: HolderUser,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct HolderUser {
    id: String,
    email: String,
    name: String,
    roles: String,
    disabled: i64,
}

impl TryFrom<HolderRow> for Holder {
    type Error = StoreError;

    fn try_from(HolderRow { id, expires_at, revoked_at, user }: HolderRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("users", &user.id);
        Ok(Self {
            login_id: id.parse().map_err(|_| StoreError::unreadable("logins", &id))?,
            user_id: user.id.parse().map_err(|_| unreadable())?,
            roles: serde_json::from_str(&user.roles).map_err(|_| unreadable())?,
            name: user.name,
            email: user.email,
            expires_at: Timestamp::from_millis(expires_at),
            is_ended: revoked_at.is_some() || user.disabled != 0,
        })
    }
}

impl From<&Login> for LoginRow {
    fn from(login: &Login) -> Self {
        Self {
            id: login.id.to_string(),
            user_id: login.user_id.to_string(),
            cookie_hash: login.cookie_hash.clone(),
            refresh_hash: login.refresh_hash.clone(),
            created_at: login.created_at.as_millis(),
            expires_at: login.expires_at.as_millis(),
            last_used_at: login.last_used_at.as_millis(),
            revoked_at: login.revoked_at.map(Timestamp::as_millis),
            address: login.address.clone(),
            user_agent: login.user_agent.clone(),
        }
    }
}

impl TryFrom<LoginRow> for Login {
    type Error = StoreError;

    fn try_from(row: LoginRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("logins", &row.id);
        Ok(Self {
            id: row.id.parse().map_err(|_| unreadable())?,
            user_id: row.user_id.parse().map_err(|_| unreadable())?,
            cookie_hash: row.cookie_hash,
            refresh_hash: row.refresh_hash,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
            last_used_at: Timestamp::from_millis(row.last_used_at),
            revoked_at: row.revoked_at.map(Timestamp::from_millis),
            address: row.address,
            user_agent: row.user_agent,
        })
    }
}
