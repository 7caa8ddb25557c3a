//! What several resources say alike.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use crate::auth::Principal;
use crate::domain::grant::Role;
use crate::domain::ids::UserId;
use crate::domain::problem::Problem;
use crate::store::users::User;

/// An account as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSummary {
    /// Which account.
    #[schema(value_type = String)]
    id: UserId,
    /// What the person is called.
    name: String,
    /// The address.
    email: String,
    /// Whether one of the roles is `admin`.
    is_admin: bool,
    /// What the person is to the hub.
    roles: Vec<Role>,
}

impl From<&User> for UserSummary {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            name: user.name.to_string(),
            email: user.email.to_string(),
            is_admin: user.roles.contains(&Role::Admin),
            roles: user.roles.clone(),
        }
    }
}

impl From<&Principal> for UserSummary {
    fn from(who: &Principal) -> Self {
        Self {
            id: who.user_id.clone(),
            name: who.name.clone(),
            email: who.email.clone(),
            is_admin: who.is_admin(),
            roles: who.roles.clone(),
        }
    }
}

/// The problems of every route.
pub struct ReadProblems;

/// The problems of every route that takes a body.
pub struct WriteProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(&[
            ("400", "The request cannot be read"),
            ("401", "Not known: log in"),
            ("403", "Not allowed"),
            ("404", "Not there, or not to be seen"),
            ("409", "Conflicts with what is there"),
            ("422", "Some values are not as they must be"),
            ("429", "Too many attempts"),
            ("503", "Not now; try again"),
        ])
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = ReadProblems::responses();
        all.extend(problems(&[("413", "The body is too long"), ("415", "The body is not `application/json`")]));
        all
    }
}

fn problems(told: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    told.iter().map(|(status, description)| ((*status).to_owned(), response(description).into())).collect()
}
