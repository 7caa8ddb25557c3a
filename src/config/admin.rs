//! The section `admin`: the first admin.

use super::{
    keys::{Checks, Keys, Section},
    secret::Secret,
};

/// The account made at the first start, when there are no users; without one a setup address is printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admin {
    /// The first admin's address.
    pub email: Option<String>,
    /// The first admin's password.
    pub password: Option<Secret>,
}

impl Section for Admin {
    fn keys(&mut self, keys: &mut Keys<'_>) {
        keys.key("email", &mut self.email);
        keys.key("password", &mut self.password);
    }

    fn check(&self, checks: &mut Checks<'_>) {
        checks.require(self.email.as_ref().is_none_or(|email| email.contains('@')), "email", "must be a mail address");
        checks.require(
            self.email.is_none() || self.password.is_some(),
            "password",
            "give the password of `admin.email` too",
        );
        checks.require(
            self.password.is_none() || self.email.is_some(),
            "email",
            "give the address that `admin.password` is for too",
        );
        let length = self.password.as_ref().map_or(10, |password| password.expose().len());
        checks.require((10..=72).contains(&length), "password", "must have from 10 to 72 bytes");
    }
}
