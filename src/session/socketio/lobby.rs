//! Where people come in by Socket.IO: the main namespace, and who may join it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix::{Actor, Addr, Handler, MailboxError, Message};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::attachments::Parcel;
use super::connection::{Guest, Line, Namespaces};
use super::newcomers::{Newcomer, Newcomers};
use super::packet::{Kind, MAIN};
use super::place::Place;
use super::recovery::Recoveries;
use super::remembered::Client;
use super::speech::SocketIo;
use crate::auth::{Credential, Principal};
use crate::domain::problem::{Problem, read_json};
use crate::pipe::{Closed, Outbox, Received};
use crate::session::engine::{Caller, Engines};
use crate::session::messages::{Begin, End};
use crate::session::speech::Hello;
use crate::session::{House, Session};

/// How long a session may take over what its client says; whatever it asks in the meantime has a shorter limit.
const TAKING_TIMEOUT: Duration = Duration::from_secs(30);

/// What all lobbies of a thread share.
#[derive(Clone)]
pub struct LobbyHouse {
    /// What all sessions share.
    pub sessions: Rc<House>,
    /// Who may come back.
    pub recoveries: Recoveries,
    /// Who has not said who they are.
    pub newcomers: Newcomers,
}

/// The namespaces of one connection: the main one, and no other.
pub struct Lobby {
    house: LobbyHouse,
    caller: RefCell<Caller>,
    newcomer: RefCell<Option<Newcomer>>,
}

/// What a client says of itself when it joins; what else its page puts there is its own.
#[derive(Debug, Default, Deserialize)]
struct Auth {
    token: Option<String>,
    pid: Option<String>,
    offset: Option<String>,
    #[serde(default)]
    topics: Vec<String>,
    recovery: Option<bool>,
}

impl Lobby {
    /// A lobby that somebody enters; they count as a newcomer until they have joined.
    #[must_use]
    pub const fn new(house: LobbyHouse, caller: Caller, newcomer: Newcomer) -> Self {
        Self { house, caller: RefCell::new(caller), newcomer: RefCell::new(Some(newcomer)) }
    }

    async fn admit(&self, auth: Option<&str>, line: Line) -> Result<Rc<dyn Guest>, Problem> {
        let auth: Auth = auth.map(|json| read_json(json.as_bytes())).transpose()?.unwrap_or_default();
        let principal = self.authenticate(auth.token.clone()).await?;
        let recoveries = Some(self.house.recoveries.clone()).filter(|_| auth.recovery != Some(false));
        if let Some(told) = auth.offset.as_deref().and_then(|offset| offset.parse::<Place>().ok()) {
            // The client may have been told by another thread a moment ago.
            self.house.sessions.relay.arrive(told.cursor).await;
        }
        let returning = recoveries.as_ref().and_then(|recoveries| self.returning(recoveries, &auth, &principal));
        let hello = self.hello(auth, returning.as_ref());
        let returning = hello.cursor.is_some().then_some(returning).flatten();
        let speech = SocketIo::new(recoveries, returning);
        let named = speech.named();
        let (outbox, house) = (line.outbox.clone(), Rc::clone(&self.house.sessions));
        let session = Session::new(principal, Box::new(speech), outbox, house).start();
        // Held while it begins too: a connection that ends meanwhile drops this, and with it the session.
        let visitor = Rc::new(Visitor { session: session.clone(), outbox: line.outbox });
        visitor.tell(Begin(hello)).await;
        if let Some((pid, entry)) = &*named.borrow() {
            self.house.recoveries.is_session(pid, *entry, session);
        }
        self.newcomer.take();
        Ok(visitor)
    }

    async fn authenticate(&self, token: Option<String>) -> Result<Principal, Problem> {
        let credential = match token {
            Some(token) => Credential::Bearer(token),
            None => self.caller.borrow().credential.clone()?,
        };
        let known = self.house.sessions.authenticator.authenticate(credential).await;
        let address = self.caller.borrow().address;
        known.map(|person| person.coming_from(address)).map_err(|error| error.problem())
    }

    /// What the client was before its connection broke. One that says itself what it listens to can come back even to a
    /// hub that has forgotten it, as after a restart: its offset then tells all that is needed.
    fn returning(&self, recoveries: &Recoveries, auth: &Auth, person: &Principal) -> Option<(String, Client)> {
        let pid = auth.pid.as_deref()?;
        let (user, login) = (&person.user_id, &person.login_id);
        let client = recoveries.claim(pid, user, login).or_else(|| {
            let may_begin = !auth.topics.is_empty() && auth.offset.is_some() && recoveries.is_unused(pid);
            let start = self.house.sessions.relay.cursor();
            may_begin.then(|| Client::new(user.clone(), login.clone(), Engines::new_sid(), start))
        })?;
        Some((pid.to_owned(), client))
    }

    /// Where the client begins: where it was, if all that it missed is still known.
    fn hello(&self, auth: Auth, returning: Option<&(String, Client)>) -> Hello {
        let mut topics = auth.topics;
        let Some((_, client)) = returning else { return Hello { topics, ..Hello::default() } };
        let start = Place { cursor: client.start, round: 0 };
        let told = auth.offset.as_deref().map_or(Some(start), |offset| offset.parse::<Place>().ok());
        let told = told.filter(|told| self.house.sessions.relay.reaches(told.cursor));
        // Cut off before the snapshots of a topic were there: begin anew with all of them.
        let told = told.filter(|told| client.topics.iter().all(|heard| told.covers(heard.since)));
        let Some(told) = told else { return Hello { topics, ..Hello::default() } };
        let mut own_paces = vec![None; topics.len()];
        for heard in &client.topics {
            let topic = heard.topic.to_string();
            match topics.iter().position(|named| *named == topic) {
                Some(place) => own_paces[place] = heard.pace,
                None => {
                    topics.push(topic);
                    own_paces.push(heard.pace);
                }
            }
        }
        Hello { cursor: Some(told.cursor.to_string()), topics, own_paces, ..Hello::default() }
    }
}

impl Namespaces for Lobby {
    fn join(
        self: Rc<Self>,
        auth: Option<String>,
        line: Line,
    ) -> LocalBoxFuture<'static, Result<Rc<dyn Guest>, String>> {
        async move {
            if line.namespace != MAIN {
                return Err(json!({ "message": "Invalid namespace" }).to_string());
            }
            self.admit(auth.as_deref(), line).await.map_err(|problem| {
                self.house.sessions.metrics.refused("handshake");
                json!({ "message": problem.detail, "data": problem }).to_string()
            })
        }
        .boxed_local()
    }

    fn called_by(&self, caller: Caller) {
        // A request without a credential takes none away.
        if caller.credential.is_ok() || self.caller.borrow().credential.is_err() {
            *self.caller.borrow_mut() = caller;
        }
    }
}

/// A session as the connection sees it; dropping it ends the session.
struct Visitor {
    session: Addr<Session>,
    outbox: Outbox,
}

impl Visitor {
    /// Waits until the session has taken what its client says; a connection whose session does not answer ends.
    async fn tell<M>(&self, message: M)
    where
        M: Message<Result = ()> + Send + 'static,
        Session: Handler<M>,
    {
        // One that is not admitted or has ended says so itself, and closes the connection too.
        if let Err(MailboxError::Timeout) = self.session.send(message).timeout(TAKING_TIMEOUT).await {
            tracing::error!("a session does not answer");
            let End { code, reason, .. } = End::busy();
            self.outbox.close(code, reason);
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // A session that is gone needs no word.
        self.session.do_send(Closed);
    }
}

impl Guest for Visitor {
    fn take(self: Rc<Self>, parcel: Parcel) -> LocalBoxFuture<'static, ()> {
        async move {
            // The hub asks clients for no answers, so one that comes answers nothing.
            if parcel.kind == Kind::Event {
                let id = parcel.id.map(|id| id.to_string()).unwrap_or_default();
                self.tell(Received(id + &parcel.json)).await;
            }
        }
        .boxed_local()
    }

    fn left(&self) {
        self.session.do_send(Closed);
    }
}
