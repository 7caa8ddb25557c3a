use super::*;
use crate::auth::{FirstAdmin, first_admin, opaque};
use crate::config::{Admin as AdminConfig, Secret};

#[actix::test]
async fn the_last_admin_stays() {
    let office = Office::open();
    let root = office.user("root@example.org", Role::Admin).await;
    let demotion = UserChanges { roles: Some(vec![Role::User]), ..UserChanges::default() };
    let ban = UserChanges { disabled: Some(true), ..UserChanges::default() };
    for change in [&demotion, &ban] {
        assert!(matches!(office.update(&root.id, change.clone()).await, Err(AuthError::LastAdmin)));
    }
    assert!(matches!(office.accounts.send(DeleteUser(root.id.clone())).await.unwrap(), Err(AuthError::LastAdmin)));

    let second = office.user("second@example.org", Role::Admin).await;
    office.update(&second.id, ban).await.unwrap();
    assert!(matches!(office.update(&root.id, demotion.clone()).await, Err(AuthError::LastAdmin)));
    office.update(&second.id, UserChanges { disabled: Some(false), ..UserChanges::default() }).await.unwrap();
    office.update(&root.id, demotion).await.unwrap();
    office.accounts.send(DeleteUser(root.id.clone())).await.unwrap().unwrap();
    assert_eq!(office.told(), "RolesChanged Removed");
}

#[actix::test]
async fn what_an_admin_changes_counts_at_once() {
    let office = Office::open();
    let ada = office.user("ada@example.org", Role::User).await;
    office.user("bea@example.org", Role::User).await;
    let login = office.login("ada@example.org").await;
    office.told();

    let email = |text: &str| UserChanges { email: Some(text.parse().unwrap()), ..UserChanges::default() };
    assert!(matches!(office.update(&ada.id, email("BEA@example.org")).await, Err(AuthError::EmailTaken(_))));
    office.update(&ada.id, email("ada@example.com")).await.unwrap();
    office.update(&ada.id, email("ada@example.com")).await.unwrap();
    let roles = Some(vec![Role::User, Role::Admin, Role::User]);
    office.update(&ada.id, UserChanges { roles, ..UserChanges::default() }).await.unwrap();
    let who = office.who(&login).await.unwrap();
    assert_eq!((who.email.as_str(), who.roles.as_slice()), ("ada@example.com", &[Role::Admin, Role::User][..]));

    office.user("root@example.org", Role::Admin).await;
    office.update(&ada.id, UserChanges { disabled: Some(true), ..UserChanges::default() }).await.unwrap();
    assert!(matches!(office.who(&login).await, Err(AuthError::Unknown)));
    assert_eq!(office.told(), "ProfileUpdated RolesChanged Revoked");
}

#[actix::test]
async fn the_setup_token_makes_one_admin() {
    let token = opaque::generate();
    let office = Office::with(Some(token.clone()), AuthConfig::default());
    let set_up = async |token: &str| {
        let message =
            SetUp { token: token.into(), user: new_user("root@example.org", Role::Admin), visitor: visitor() };
        office.accounts.send(message).await.unwrap()
    };

    assert!(matches!(set_up("guessed").await, Err(AuthError::SetupRefused)));
    let login = set_up(&token).await.unwrap();
    assert!(office.who(&login).await.unwrap().is_admin());
    assert!(matches!(set_up(&token).await, Err(AuthError::SetupRefused)));
}

#[actix::test]
async fn the_first_admin_comes_from_the_configuration_or_by_a_token() {
    let office = Office::open();
    let first = |config: AdminConfig| {
        let (store, hasher) = (office.store.clone(), office.hasher.clone());
        async move { first_admin(&store, &hasher, &config).await }
    };
    let named =
        |password: &str| AdminConfig { email: Some("Root@example.org".into()), password: Some(Secret::new(password)) };
    assert!(matches!(first(AdminConfig::default()).await, Ok(FirstAdmin::Token(_))));
    assert!(matches!(first(named("short")).await, Err(AuthError::FirstAdmin(_))));
    assert_eq!(first(named(PASSWORD)).await.unwrap(), FirstAdmin::Made("root@example.org".parse().unwrap()));
    assert_eq!(first(AdminConfig::default()).await.unwrap(), FirstAdmin::Exists);
    office.login("root@example.org").await;
}
