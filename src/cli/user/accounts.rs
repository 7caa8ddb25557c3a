use crate::auth::{AuthError, Hasher, NewUser, create_user, remove_user};
use crate::cli::CliError;
use crate::config::Config;
use crate::domain::account::Email;
use crate::domain::event::NewEvent;
use crate::domain::grant::Role;
use crate::domain::time::Timestamp;
use crate::store::users::{User, UserFilter};
use crate::store::{Connection, Options, Store, StoreError, announcements, logins, migrate, users};

/// What can be changed of an account.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new password, as its hash.
    Password(String),
    /// Exactly these roles.
    Roles(Vec<Role>),
    /// Kept out or let in.
    Disabled(bool),
    /// Not there any more.
    Removed,
}

impl Change {
    /// What is said when it is done, behind the address.
    pub fn done(&self) -> String {
        match self {
            Self::Password(_) => "has a new password".to_owned(),
            Self::Roles(roles) => {
                let roles: Vec<String> = roles.iter().map(|role| format!("`{role}`")).collect();
                format!("now has the roles {}", roles.join(", "))
            }
            Self::Disabled(true) => "is disabled".to_owned(),
            Self::Disabled(false) => "can log in again".to_owned(),
            Self::Removed => "is removed".to_owned(),
        }
    }

    /// Whether logins made before it must not be used after it.
    const fn ends_logins(&self) -> bool {
        !matches!(self, Self::Disabled(false))
    }

    fn apply_to(&self, user: &mut User) {
        match self {
            Self::Password(hash) => user.password_hash.clone_from(hash),
            Self::Roles(roles) => {
                user.roles.clone_from(roles);
                user.roles.sort_unstable();
                user.roles.dedup();
            }
            Self::Disabled(disabled) => user.disabled = *disabled,
            Self::Removed => user.disabled = true,
        }
    }
}

/// Opens the configured database, and makes it when missing.
pub fn open(config: &Config) -> Result<Store, CliError> {
    Ok(Store::open(config.database(), &Options::from(&config.store))?)
}

/// Opens the configured database; a missing one is more likely a wrong folder than a wish for an empty one.
pub fn open_existing(config: &Config) -> Result<Store, CliError> {
    let database = config.database();
    if migrate::is_there(&database, &Options::from(&config.store))? {
        return open(config);
    }
    Err(CliError::Failed(format!(
        "there is no database at `{database}`; name its folder with `--data`, or make the first account with `carillon user add`"
    )))
}

/// All accounts that pass, by name.
pub async fn list(store: &Store, search: Option<String>, role: Option<Role>) -> Result<Vec<User>, CliError> {
    let filter = UserFilter { search, role, limit: i64::MAX, ..UserFilter::default() };
    Ok(store.read(move |conn| users::list(conn, &filter)).await?.0)
}

/// Makes an account; the first one must be an admin, or nobody could manage the others.
pub async fn add(store: &Store, hasher: &Hasher, new: NewUser) -> Result<User, CliError> {
    let is_first = store.read(users::count).await? == 0;
    if is_first && !new.roles.contains(&Role::Admin) {
        return Err(CliError::Usage("the first account manages the others; add `--admin`".to_owned()));
    }
    Ok(create_user(store, hasher, new).await?)
}

/// Changes an account and ends its logins where the change asks for it; answers the account and how many ended.
pub async fn change(store: &Store, email: &Email, change: Change) -> Result<(User, usize), CliError> {
    let searched = email.clone();
    let outcome = store.write(move |conn| changed(conn, &searched, &change)).await?;
    match outcome {
        Outcome::Done(user, ended) => Ok((*user, ended)),
        Outcome::LastAdmin => Err(AuthError::LastAdmin.into()),
        Outcome::Nobody => Err(CliError::Failed(format!(
            "nobody has the address `{email}`; see who is there with `carillon user list`"
        ))),
    }
}

enum Outcome {
    Done(Box<User>, usize),
    LastAdmin,
    Nobody,
}

fn changed(conn: &mut Connection, email: &Email, change: &Change) -> Result<Outcome, StoreError> {
    let Some(before) = users::find_by_email(conn, email)? else { return Ok(Outcome::Nobody) };
    let mut after = User { updated_at: Timestamp::now(), ..before.clone() };
    change.apply_to(&mut after);
    let loses_an_admin = before.is_active_admin() && !after.is_active_admin();
    if loses_an_admin && users::count_active_admins(conn)? <= 1 {
        return Ok(Outcome::LastAdmin);
    }
    let ended =
        if change.ends_logins() { logins::revoke_all(conn, &after.id, None, after.updated_at)?.len() } else { 0 };
    match change {
        // The running hub, or the next one, tells what follows for their modules.
        Change::Removed => drop(remove_user(conn, &after.id)?),
        _ => users::update(conn, &after)?,
    }
    if before.roles != after.roles {
        announcements::add(conn, NewEvent::user_roles_changed(&after.id))?;
    }
    Ok(Outcome::Done(Box::new(after), ended))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Auth as AuthConfig;
    use crate::domain::ids::{LoginId, UserId};
    use crate::store::testing::Scratch;

    async fn add_person(store: &Store, email: &str, role: Role) -> Result<User, CliError> {
        let (email, name) = (email.parse().unwrap(), "Somebody".parse().unwrap());
        let new = NewUser { email, name, password: "a long password".parse().unwrap(), roles: vec![role] };
        let hasher = Hasher::new(&AuthConfig { bcrypt_cost: 4, ..AuthConfig::default() });
        add(store, &hasher, new).await
    }

    #[actix::test]
    async fn the_last_admin_stays_one() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let admin = add_person(&store, "ada@example.org", Role::Admin).await.unwrap();

        for refused in [Change::Removed, Change::Disabled(true), Change::Roles(vec![Role::User])] {
            let error = change(&store, &admin.email, refused).await.unwrap_err();
            assert!(matches!(error, CliError::Auth(AuthError::LastAdmin)), "{error}");
        }
        add_person(&store, "bea@example.org", Role::Admin).await.unwrap();

        change(&store, &admin.email, Change::Removed).await.unwrap();
        assert_eq!(list(&store, None, None).await.unwrap().len(), 1);
    }

    #[actix::test]
    async fn the_first_account_is_an_admin() {
        let scratch = Scratch::new();
        let store = scratch.store();

        let error = add_person(&store, "ada@example.org", Role::User).await.unwrap_err();

        assert!(matches!(error, CliError::Usage(_)), "{error}");
        assert!(list(&store, None, None).await.unwrap().is_empty());
    }

    #[actix::test]
    async fn an_address_is_taken_once() {
        let scratch = Scratch::new();
        let store = scratch.store();
        add_person(&store, "ada@example.org", Role::Admin).await.unwrap();

        let error = add_person(&store, "ADA@example.org", Role::User).await.unwrap_err();

        assert!(matches!(error, CliError::Auth(AuthError::EmailTaken(_))), "{error}");
    }

    #[actix::test]
    async fn a_change_is_stored_and_ends_logins_where_it_must() {
        let scratch = Scratch::new();
        let store = scratch.store();
        add_person(&store, "bea@example.org", Role::Admin).await.unwrap();
        let user = add_person(&store, "ada@example.org", Role::User).await.unwrap();
        let changes = [
            (Change::Password("new".to_owned()), 1),
            (Change::Roles(vec![Role::User, Role::Admin, Role::User]), 1),
            (Change::Disabled(true), 1),
            (Change::Disabled(false), 0),
        ];
        for (number, (kind, ends)) in changes.into_iter().enumerate() {
            log_in(&store, &user.id, number).await;

            assert_eq!(change(&store, &user.email, kind).await.unwrap().1, ends);
        }

        let id = user.id.clone();
        let stored = store.read(move |conn| users::find(conn, &id)).await.unwrap();
        assert_eq!((stored.password_hash.as_str(), stored.disabled), ("new", false));
        assert_eq!(stored.roles, [Role::Admin, Role::User]);
    }

    async fn log_in(store: &Store, user: &UserId, number: usize) {
        let now = Timestamp::now();
        let login = logins::Login {
            id: LoginId::generate(),
            user_id: user.clone(),
            cookie_hash: format!("cookie-{number}"),
            refresh_hash: format!("refresh-{number}"),
            created_at: now,
            expires_at: now,
            last_used_at: now,
            revoked_at: None,
            address: String::new(),
            user_agent: String::new(),
        };
        store.write(move |conn| logins::insert(conn, &login)).await.unwrap();
    }
}
