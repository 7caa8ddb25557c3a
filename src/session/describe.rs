//! What a session tells about itself to those who watch the house.

use std::time::{Duration, Instant};

use actix::prelude::*;
use futures_util::future::join_all;

use super::actor::Session;
use super::dialect;
use super::registry::Registry;
use crate::domain::ids::{SessionId, UserId};

/// How long a session may take to describe itself.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Asks for what is known of some sessions; those that have ended are left out.
#[derive(Debug, Message)]
#[rtype(result = "Vec<SessionFacts>")]
pub struct Describe(pub Vec<SessionId>);

/// What is known of a session.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    /// Which session.
    pub session: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// What that person is called.
    pub user_name: String,
    /// `websocket`, `sse` or `socketio`.
    pub dialect: &'static str,
    /// When it began.
    pub since: Instant,
}

/// Asks a session for what it knows of itself.
#[derive(Debug, Message)]
#[rtype(result = "SessionFacts")]
pub struct DescribeYourself {
    since: Instant,
}

impl Handler<Describe> for Registry {
    type Result = ResponseFuture<Vec<SessionFacts>>;

    fn handle(&mut self, Describe(sessions): Describe, _: &mut Self::Context) -> Self::Result {
        let known = sessions.iter().filter_map(|session| self.known(session));
        let asked: Vec<_> = known.map(|(addr, since)| addr.send(DescribeYourself { since }).timeout(TIMEOUT)).collect();
        // A session that is gone, or too busy to answer, is left out.
        Box::pin(async move { join_all(asked).await.into_iter().flatten().collect() })
    }
}

impl Handler<DescribeYourself> for Session {
    type Result = MessageResult<DescribeYourself>;

    fn handle(&mut self, DescribeYourself { since }: DescribeYourself, _: &mut Self::Context) -> Self::Result {
        MessageResult(SessionFacts {
            session: self.id.clone(),
            user_id: self.principal.user_id.clone(),
            user_name: self.principal.name.clone(),
            dialect: dialect::name_of(self.events()),
            since,
        })
    }
}
