//! Tickets for addresses.

use actix::prelude::*;

use super::Accounts;
use crate::auth::{AuthError, Bearer, Principal};

/// Makes a ticket for a person.
#[derive(Message)]
#[rtype(result = "Result<String, AuthError>")]
pub struct MakeTicket(pub Principal);

/// Shows a ticket.
#[derive(Message)]
#[rtype(result = "Result<Bearer, AuthError>")]
pub enum ShowTicket {
    /// To come in by it; it does not work again.
    Redeem(String),
    /// To learn whom it would let in; it stays.
    LookAt(String),
}

impl Handler<MakeTicket> for Accounts {
    type Result = Result<String, AuthError>;

    fn handle(&mut self, MakeTicket(who): MakeTicket, _: &mut Self::Context) -> Self::Result {
        self.tickets.make(Bearer { login_id: who.login_id, expires_at: who.expires_at })
    }
}

impl Handler<ShowTicket> for Accounts {
    type Result = Result<Bearer, AuthError>;

    fn handle(&mut self, shown: ShowTicket, _: &mut Self::Context) -> Self::Result {
        match shown {
            ShowTicket::Redeem(ticket) => self.tickets.redeem(&ticket),
            ShowTicket::LookAt(ticket) => self.tickets.look_at(&ticket),
        }
    }
}
