use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;

use super::*;
use crate::auth::{Authenticator, Credential, Known, NewUser, Principal, SigningKey, create_user};
use crate::domain::grant::Role;
use crate::domain::ids::{LoginId, UserId};
use crate::store::testing::Scratch;
use crate::store::users::User;

mod people;

const PASSWORD: &str = "correct horse battery";

/// Writes down what it is told.
struct Listener(Arc<Mutex<Vec<String>>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<AccountChanged> for Listener {
    type Result = ();

    fn handle(&mut self, change: AccountChanged, _: &mut Self::Context) {
        let text = format!("{change:?}");
        self.0.lock().unwrap().push(text.split([' ', '{']).next().unwrap().to_owned());
    }
}

struct Office {
    _scratch: Scratch,
    store: Store,
    hasher: Hasher,
    accounts: Addr<Accounts>,
    authenticator: Authenticator,
    told: Arc<Mutex<Vec<String>>>,
}

impl Office {
    fn open() -> Self {
        Self::with(None, AuthConfig::default())
    }

    fn with(setup_token: Option<String>, config: AuthConfig) -> Self {
        let scratch = Scratch::new();
        let store = scratch.store();
        let config = AuthConfig { bcrypt_cost: 4, ..config };
        let hasher = Hasher::new(&config);
        let key = SigningKey::load(None, scratch.path()).unwrap();
        let tokens = Arc::new(AccessTokens::new(&key, &config));
        let told = Arc::default();
        let listeners = vec![Listener(Arc::clone(&told)).start().recipient()];
        let known = Known::default();
        let options = AccountsOptions {
            store: store.clone(),
            hasher: hasher.clone(),
            tokens: tokens.clone(),
            known: known.clone(),
            config,
            setup_token,
            listeners,
        };
        let accounts = Accounts::new(options).start();
        let authenticator = Authenticator::new(store.clone(), tokens, known, accounts.clone().recipient());
        Self { _scratch: scratch, store, hasher, accounts, authenticator, told }
    }

    async fn user(&self, email: &str, role: Role) -> User {
        create_user(&self.store, &self.hasher, new_user(email, role)).await.unwrap()
    }

    async fn try_login(&self, email: &str, password: &str) -> Result<LoggedIn, AuthError> {
        let message = LogIn { email: email.into(), password: password.into(), visitor: visitor() };
        self.accounts.send(message).await.unwrap()
    }

    async fn login(&self, email: &str) -> LoggedIn {
        self.try_login(email, PASSWORD).await.unwrap()
    }

    async fn who(&self, login: &LoggedIn) -> Result<Principal, AuthError> {
        self.authenticator.authenticate(Credential::Bearer(login.access_token.clone())).await
    }

    async fn update(&self, id: &UserId, changes: UserChanges) -> Result<User, AuthError> {
        let by = LoginId::generate();
        self.accounts.send(UpdateUser { id: id.clone(), changes, by }).await.unwrap()
    }

    fn told(&self) -> String {
        std::mem::take(&mut *self.told.lock().unwrap()).join(" ")
    }
}

fn new_user(email: &str, role: Role) -> NewUser {
    NewUser {
        email: email.parse().unwrap(),
        name: "Ada".parse().unwrap(),
        password: PASSWORD.parse().unwrap(),
        roles: vec![role],
    }
}

fn visitor() -> Visitor {
    Visitor { address: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: "a test".into() }
}

#[actix::test]
async fn cookie_and_access_token_lead_to_the_person() {
    let office = Office::open();
    office.user("ada@example.org", Role::User).await;
    let mut login = office.login(" ADA@example.org").await;

    let by_token = office.who(&login).await.unwrap();
    let by_cookie = office.authenticator.authenticate(Credential::Cookie(login.cookie.take().unwrap())).await.unwrap();

    assert_eq!(by_token.login_id, by_cookie.login_id);
    assert!(by_token.expires_at < by_cookie.expires_at);
    assert_eq!(office.told(), "LoggedIn");
}

#[actix::test]
async fn nobody_learns_whether_an_address_is_known() {
    let office = Office::open();
    let ada = office.user("ada@example.org", Role::User).await;
    office.user("kept-out@example.org", Role::User).await;
    let kept_out = office.user("out@example.org", Role::User).await;
    office.update(&kept_out.id, UserChanges { disabled: Some(true), ..UserChanges::default() }).await.unwrap();
    let mut answers = vec![];
    for (email, password) in [
        (ada.email.as_str(), "wrong"),
        ("nobody@example.org", PASSWORD),
        ("no address", PASSWORD),
        ("out@example.org", PASSWORD),
    ] {
        let (hashes, reads) = (office.hasher.computed(), office.store.counts().reads);
        let refused = office.try_login(email, password).await.err().unwrap();
        let work = (office.hasher.computed() - hashes, office.store.counts().reads - reads);
        answers.push((refused.problem(), work));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].1, (1, 1));
    assert_eq!(office.told(), "");
}

#[actix::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_login() {
    let office = Office::open();
    office.user("ada@example.org", Role::User).await;
    let first = office.login("ada@example.org").await;
    let other = office.login("ada@example.org").await;
    let refresh = async |token: &str| office.accounts.send(Refresh(token.to_owned())).await.unwrap();

    let second = refresh(&first.refresh_token).await.unwrap();
    let third = refresh(&second.refresh_token).await.unwrap();
    office.who(&third).await.unwrap();
    office.told();

    assert!(matches!(refresh(&first.refresh_token).await, Err(AuthError::RefreshRefused)));
    assert_eq!(office.told(), "Revoked");
    assert!(matches!(refresh(&third.refresh_token).await, Err(AuthError::RefreshRefused)));
    assert!(matches!(office.who(&third).await, Err(AuthError::Unknown)));
    assert!(matches!(refresh("never made").await, Err(AuthError::RefreshRefused)));
    assert_eq!(office.told(), "");
    office.who(&other).await.unwrap();
}

#[actix::test]
async fn two_uses_of_one_refresh_token_at_once_end_the_login() {
    let office = Office::open();
    office.user("ada@example.org", Role::User).await;
    let login = office.login("ada@example.org").await;
    let use_it = || office.accounts.send(Refresh(login.refresh_token.clone()));

    let (one, two) = tokio::join!(use_it(), use_it());

    assert!(one.unwrap().is_ok() != two.unwrap().is_ok());
    assert!(matches!(office.who(&login).await, Err(AuthError::Unknown)));
}

#[actix::test]
async fn logging_out_ends_the_login_and_is_told_once() {
    let office = Office::open();
    office.user("ada@example.org", Role::User).await;
    let login = office.login("ada@example.org").await;
    let who = office.who(&login).await.unwrap();
    office.told();

    for _ in 0..2 {
        office.accounts.send(LogOut(who.clone())).await.unwrap().unwrap();
    }

    assert_eq!(office.told(), "LoggedOut");
    assert!(matches!(office.who(&login).await, Err(AuthError::Unknown)));
}

#[actix::test]
async fn a_new_password_ends_the_other_logins() {
    let office = Office::open();
    office.user("ada@example.org", Role::User).await;
    let (here, elsewhere) = (office.login("ada@example.org").await, office.login("ada@example.org").await);
    let who = office.who(&here).await.unwrap();
    let change = |current: &str| ChangePassword {
        who: who.clone(),
        current: current.into(),
        new: "another horse battery".parse().unwrap(),
    };

    assert!(matches!(office.accounts.send(change("wrong")).await.unwrap(), Err(AuthError::WrongPassword)));
    office.accounts.send(change(PASSWORD)).await.unwrap().unwrap();

    office.who(&here).await.unwrap();
    assert!(matches!(office.who(&elsewhere).await, Err(AuthError::Unknown)));
    assert!(matches!(office.try_login("ada@example.org", PASSWORD).await, Err(AuthError::WrongLogin)));
    office.try_login("ada@example.org", "another horse battery").await.unwrap();
}

#[actix::test]
async fn too_many_attempts_at_one_account_are_refused_before_any_hash() {
    let office = Office::with(None, AuthConfig { account_attempts: 2, ..AuthConfig::default() });
    office.user("ada@example.org", Role::User).await;
    for _ in 0..2 {
        assert!(matches!(office.try_login("ada@example.org", "wrong").await, Err(AuthError::WrongLogin)));
    }
    let hashes = office.hasher.computed();
    assert!(matches!(office.try_login("Ada@example.org", PASSWORD).await, Err(AuthError::Throttled { .. })));
    assert!(matches!(office.try_login("bea@example.org", PASSWORD).await, Err(AuthError::WrongLogin)));
    assert_eq!(office.hasher.computed(), hashes + 1);
}

#[actix::test]
async fn a_ticket_leads_to_the_person_once() {
    let office = Office::open();
    office.user("ada@example.org", Role::User).await;
    let who = office.who(&office.login("ada@example.org").await).await.unwrap();
    let ticket = office.accounts.send(MakeTicket(who.clone())).await.unwrap().unwrap();

    let by_ticket = office.authenticator.authenticate(Credential::Ticket(ticket.clone())).await.unwrap();
    assert_eq!((&by_ticket.login_id, by_ticket.expires_at), (&who.login_id, who.expires_at));
    let again = office.authenticator.authenticate(Credential::Ticket(ticket)).await;
    assert!(matches!(again, Err(AuthError::Unknown)));
}
