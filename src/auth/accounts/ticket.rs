//! Tickets for addresses.

use actix::prelude::*;

use super::Accounts;
use crate::auth::{AuthError, Bearer, Principal};

/// Makes a ticket for a person.
#[derive(Message)]
#[rtype(result = "Result<String, AuthError>")]
pub struct MakeTicket(pub Principal);

/// Takes a ticket; it does not work again.
#[derive(Message)]
#[rtype(result = "Result<Bearer, AuthError>")]
pub struct RedeemTicket(pub String);

impl Handler<MakeTicket> for Accounts {
    type Result = Result<String, AuthError>;

    fn handle(&mut self, MakeTicket(who): MakeTicket, _: &mut Self::Context) -> Self::Result {
        self.tickets.make(Bearer { login_id: who.login_id, expires_at: who.expires_at })
    }
}

impl Handler<RedeemTicket> for Accounts {
    type Result = Result<Bearer, AuthError>;

    fn handle(&mut self, RedeemTicket(ticket): RedeemTicket, _: &mut Self::Context) -> Self::Result {
        self.tickets.redeem(&ticket)
    }
}
