//! The table `users`: one row an account.

use diesel::prelude::*;

use super::schema::users;
use super::{Backend, Connection, StoreError};
use crate::domain::account::{Email, PersonName};
use crate::domain::event::payload::UserFacts;
use crate::domain::grant::Role;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;

/// An account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Which account.
    pub id: UserId,
    /// Its address; no two accounts have the same.
    pub email: Email,
    /// What the person is called.
    pub name: PersonName,
    /// The bcrypt hash of the password.
    pub password_hash: String,
    /// What the person is to the hub.
    pub roles: Vec<Role>,
    /// Whether the person is kept out.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When name, address, password, roles or `disabled` last changed.
    pub updated_at: Timestamp,
    /// When the person last logged in.
    pub last_login_at: Option<Timestamp>,
}

impl User {
    /// Whether the person holds the role `admin` and is not kept out.
    #[must_use]
    pub fn is_active_admin(&self) -> bool {
        !self.disabled && self.roles.contains(&Role::Admin)
    }

    /// The person as far as their events go.
    #[must_use]
    pub fn facts(&self) -> UserFacts<'_> {
        let is_admin = self.roles.contains(&Role::Admin);
        UserFacts { id: &self.id, name: self.name.as_str(), email: self.email.as_str(), is_admin }
    }
}

/// Which accounts a list shows, in which order.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Part of the name or the address, case ignored.
    pub search: Option<String>,
    /// Only people with this role.
    pub role: Option<Role>,
    /// By what, name ascending by default.
    pub sort: UserSort,
    /// How many to leave out at the start.
    pub skip: i64,
    /// How many to show at most.
    pub limit: i64,
}

/// The order of a list of accounts; those alike by it follow their ids.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserSort {
    /// By what.
    pub key: UserSortKey,
    /// From the last to the first.
    pub descending: bool,
}

/// What a list of accounts can be sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UserSortKey {
    /// The name, case ignored.
    #[default]
    Name,
    /// The address.
    Email,
    /// When it was made.
    CreatedAt,
    /// The last login; those who never did come first.
    LastLoginAt,
}

/// Adds an account.
///
/// # Errors
/// [`StoreError::Conflict`] when the address is taken.
pub fn insert(conn: &mut Connection, user: &User) -> Result<(), StoreError> {
    diesel::insert_into(users::table).values(UserRow::from(user)).execute(conn)?;
    Ok(())
}

/// Stores an account as it is now.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there, [`StoreError::Conflict`] when the address is taken.
pub fn update(conn: &mut Connection, user: &User) -> Result<(), StoreError> {
    let row = UserRow::from(user);
    let changed = diesel::update(users::table.find(user.id.as_str())).set(&row).execute(conn)?;
    if changed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Removes an account with its logins; its modules lose their owner.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there.
pub fn delete(conn: &mut Connection, id: &UserId) -> Result<(), StoreError> {
    let removed = diesel::delete(users::table.find(id.as_str())).execute(conn)?;
    if removed == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

/// Finds an account.
///
/// # Errors
/// [`StoreError::NotFound`] when it is not there.
pub fn find(conn: &mut Connection, id: &UserId) -> Result<User, StoreError> {
    users::table.find(id.as_str()).select(UserRow::as_select()).first(conn)?.try_into()
}

/// Finds an account by its address.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn find_by_email(conn: &mut Connection, email: &Email) -> Result<Option<User>, StoreError> {
    let row = users::table.filter(users::email.eq(email.as_str())).select(UserRow::as_select()).first(conn);
    row.optional()?.map(User::try_from).transpose()
}

/// How many accounts there are.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn count(conn: &mut Connection) -> Result<i64, StoreError> {
    Ok(users::table.count().get_result(conn)?)
}

/// How many admins are not kept out.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn count_active_admins(conn: &mut Connection) -> Result<i64, StoreError> {
    let active = users::table.filter(users::disabled.eq(0)).filter(users::roles.like(role_pattern(Role::Admin)));
    Ok(active.count().get_result(conn)?)
}

/// The accounts of one page, and how many pass the filter.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub fn list(conn: &mut Connection, filter: &UserFilter) -> Result<(Vec<User>, i64), StoreError> {
    let total = matching(filter).count().get_result(conn)?;
    let page = sorted(matching(filter), filter.sort).offset(filter.skip).limit(filter.limit);
    let rows: Vec<UserRow> = page.select(UserRow::as_select()).load(conn)?;
    Ok((rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?, total))
}

type Query = users::BoxedQuery<'static, Backend>;

diesel::define_sql_function! {
    /// Lower case of ASCII letters.
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

fn matching(filter: &UserFilter) -> Query {
    let mut query = users::table.into_boxed();
    if let Some(search) = &filter.search {
        let pattern = format!("%{}%", escaped(&search.to_ascii_lowercase()));
        let is_in_name = lower(users::name).like(pattern.clone()).escape('\\');
        query = query.filter(is_in_name.or(users::email.like(pattern).escape('\\')));
    }
    if let Some(role) = filter.role {
        query = query.filter(users::roles.like(role_pattern(role)));
    }
    query
}

fn sorted(query: Query, sort: UserSort) -> Query {
    let query = match (sort.key, sort.descending) {
        (UserSortKey::Name, false) => query.order(lower(users::name).asc()),
        (UserSortKey::Name, true) => query.order(lower(users::name).desc()),
        (UserSortKey::Email, false) => query.order(users::email.asc()),
        (UserSortKey::Email, true) => query.order(users::email.desc()),
        (UserSortKey::CreatedAt, false) => query.order(users::created_at.asc()),
        (UserSortKey::CreatedAt, true) => query.order(users::created_at.desc()),
        (UserSortKey::LastLoginAt, false) => {
            query.order((users::last_login_at.is_not_null().asc(), users::last_login_at.asc()))
        }
        (UserSortKey::LastLoginAt, true) => {
            query.order((users::last_login_at.is_not_null().desc(), users::last_login_at.desc()))
        }
    };
    query.then_order_by(users::id.asc())
}

/// Takes the meaning from `%`, `_` and the escape itself; what no text can hold is found in none.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\0', "\u{fffd}").replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

fn role_pattern(role: Role) -> String {
    format!("%\"{role}\"%")
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
pub(super) struct UserRow {
    id: String,
    email: String,
    name: String,
    password_hash: String,
    roles: String,
    disabled: i64,
    created_at: i64,
    updated_at: i64,
    last_login_at: Option<i64>,
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.to_string(),
            password_hash: user.password_hash.clone(),
            roles: serde_json::json!(user.roles).to_string(),
            disabled: user.disabled.into(),
            created_at: user.created_at.as_millis(),
            updated_at: user.updated_at.as_millis(),
            last_login_at: user.last_login_at.map(Timestamp::as_millis),
        }
    }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        let unreadable = || StoreError::unreadable("users", &row.id);
        Ok(Self {
            id: row.id.parse().map_err(|_| unreadable())?,
            email: row.email.parse().map_err(|_| unreadable())?,
            name: row.name.parse().map_err(|_| unreadable())?,
            roles: serde_json::from_str(&row.roles).map_err(|_| unreadable())?,
            password_hash: row.password_hash,
            disabled: row.disabled != 0,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
            last_login_at: row.last_login_at.map(Timestamp::from_millis),
        })
    }
}
