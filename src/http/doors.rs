//! The doors of a worker thread: who may come in by which.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use actix::{Addr, Recipient};
use actix_http::Request;
use actix_web::http::header::HeaderMap;

use super::address::TrustedProxies;
use super::admission::{Admission, Comer, Verdict};
use super::credential::{self, Pages};
use super::open_sockets::{OpenSockets, SocketGuard};
use super::partings::Partings;
use super::problem::ApiError;
use crate::auth::{Authenticator, Credential, Principal};
use crate::domain::problem::Problem;
use crate::module::Identified;
use crate::observe::{Door, Metrics};
use crate::pipe::{Arrival, Bounds, Flusher, OutboxOptions};
use crate::session::engine::{EngineOptions, Engines};
use crate::session::socketio::LobbyHouse;
use crate::{module, session};

/// The kind of the problem of one connection too many.
const TOO_MANY: &str = "too-many-connections";

/// The bounds of sockets.
#[derive(Debug, Clone)]
pub struct DoorOptions {
    /// The marks of every outbox.
    pub outbox: OutboxOptions,
    /// The longest message of a peer, in bytes.
    pub max_message: usize,
    /// From how many bytes on messages are compressed for clients that can inflate them; none compresses nothing.
    pub deflate_from: Option<usize>,
    /// How many sockets this node takes.
    pub max_sockets: usize,
    /// What the system keeps to for each of them.
    pub bounds: Bounds,
    /// Origins besides the hub's own whose pages may use a cookie.
    pub allowed_origins: Vec<String>,
    /// The proxies whose word on where somebody comes from is believed.
    pub trusted_proxies: TrustedProxies,
    /// The bounds of sessions of Engine.IO.
    pub engines: EngineOptions,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}

/// The doors of one worker thread.
pub struct Doors {
    /// The bounds.
    pub options: DoorOptions,
    /// Who lets outboxes write.
    pub flusher: Flusher,
    /// What sessions share.
    pub house: Rc<session::House>,
    /// What connections of Socket.IO share.
    pub lobby: LobbyHouse,
    /// The sessions of Engine.IO of all threads.
    pub engines: Engines,
    /// What links share.
    pub module_house: Rc<module::House>,
    /// Who judges credentials.
    pub authenticator: Authenticator,
    /// Who knows the modules.
    pub modules: Addr<module::Registry>,
    /// How many connections of people may begin.
    pub people_admitted: Admission,
    /// How many connections of modules may begin.
    pub modules_admitted: Admission,
    /// Who takes WebSockets of MQTT; none if it is not spoken.
    pub mqtt: Option<Recipient<Arrival>>,
    /// The open sockets of all threads.
    pub sockets: OpenSockets,
    /// Who is being sent away, on all threads.
    pub partings: Partings,
    /// The counters.
    pub metrics: Metrics,
}

/// Why somebody does not come in.
#[derive(Debug)]
pub enum Refused {
    /// This is wrong, and told by HTTP.
    Problem(Problem),
    /// There are too many, and no moment to come back can be promised; told by HTTP, perhaps with when to ask again.
    Full(Option<Duration>),
    /// Too many begin at once; told in the words of the dialect, with the moment that is theirs.
    Later(Duration),
}

impl Refused {
    /// What is told over plain HTTP, and when to ask again.
    #[must_use]
    pub fn into_problem(self) -> (Problem, Option<Duration>) {
        let after = match self {
            Self::Problem(problem) => return (problem, None),
            Self::Full(after) => after,
            Self::Later(after) => Some(after),
        };
        (Problem::new(TOO_MANY, 503, "the hub has too many connections; come back later"), after)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Who comes in.
pub enum Admitted {
    /// A person, to `/ws`.
    Person(Box<Principal>),
    /// A module, to `/ws/module`; none if it will identify itself by its first frame.
    Module(Option<Identified>),
}

impl Doors {
    /// Judges an upgrade request; whoever comes in has a place from before they were judged.
    ///
    /// # Errors
    /// What to answer with.
    pub async fn admit(&self, request: &Request) -> Result<(Admitted, SocketGuard), Refused> {
        let admitted = self.judge(request).await;
        if let Err(Refused::Problem(_)) = &admitted {
            self.metrics.refused("handshake");
        }
        admitted
    }

    /// Takes a place for one more connection, before anything is awaited, so that those who come at once are not more than
    /// may be.
    ///
    /// # Errors
    /// When there are too many, which is counted.
    pub fn take_place(&self, door: Door) -> Result<SocketGuard, Refused> {
        let place = self.sockets.open(door, self.options.max_sockets, &self.metrics);
        place.ok_or_else(|| self.too_many(Refused::Full(None)))
    }

    /// Lets the connection of a person begin, by whatever dialect, or says when it may.
    ///
    /// # Errors
    /// When too many begin at once, which is counted.
    pub fn begin_person(&self, credential: Option<&Credential>, address: IpAddr) -> Result<(), Refused> {
        let login = credential.and_then(|credential| self.authenticator.login_of(credential));
        let comer = login.as_ref().map_or(Comer::Stranger(address), Comer::Login);
        self.begin(&self.people_admitted, comer)
    }

    /// The address a request comes from, behind trusted proxies too.
    pub fn address_of(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        self.options.trusted_proxies.caller(peer, headers).ip()
    }

    /// What somebody brings who wants to open a socket.
    ///
    /// # Errors
    /// 401 for nothing, 403 for the cookie of a page of a foreign origin.
    pub fn credential_of(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Credential, Problem> {
        credential::credential_of(headers, query, Pages::Own(&self.options.allowed_origins))
    }

    async fn judge(&self, request: &Request) -> Result<(Admitted, SocketGuard), Refused> {
        match request.path() {
            "/ws" => {
                let place = self.take_place(Door::Native)?;
                Ok((Admitted::Person(Box::new(self.person(request).await?)), place))
            }
            "/ws/module" => {
                let place = self.take_place(Door::Module)?;
                Ok((Admitted::Module(self.module(request).await?), place))
            }
            _ => Err(Problem::new("not-found", 404, "there is no socket here; use `/ws` or `/ws/module`").into()),
        }
    }

    async fn person(&self, request: &Request) -> Result<Principal, Refused> {
        let headers = request.head().headers();
        let credential = self.credential_of(headers, request.uri().query())?;
        let address = self.address_of(request.peer_addr(), headers);
        // Before the credential is judged, which costs a look into the database.
        self.begin_person(Some(&credential), address)?;
        let person = self.authenticator.authenticate(credential).await.map_err(problem_of)?;
        Ok(person.coming_from(address))
    }

    async fn module(&self, request: &Request) -> Result<Option<Identified>, Refused> {
        // Modules have a bucket of their own. Their tokens are judged in memory, and before they are let in: whoever shows
        // none, or a wrong one, keeps no module out.
        let headers = request.head().headers();
        let stranger = Comer::Stranger(self.address_of(request.peer_addr(), headers));
        let (named, token) = match (credential::bearer(headers), credential::basic(headers)) {
            (Some(token), _) => (None, token.to_owned()),
            (None, Some((name, token))) => (Some(name), token),
            (None, None) => {
                self.begin(&self.modules_admitted, stranger)?;
                return Ok(None);
            }
        };
        let found = module::identify(&self.modules, named.as_deref(), &token).await;
        self.begin(&self.modules_admitted, if found.is_ok() { Comer::Module } else { stranger })?;
        Ok(Some(found.map_err(problem_of)?))
    }

    fn begin(&self, admission: &Admission, comer: Comer<'_>) -> Result<(), Refused> {
        match admission.ask(comer) {
            Verdict::Enter => Ok(()),
            Verdict::Later(after) => Err(self.too_many(Refused::Later(after))),
            Verdict::Full(after) => Err(self.too_many(Refused::Full(Some(after)))),
        }
    }

    fn too_many(&self, refused: Refused) -> Refused {
        self.metrics.refused(TOO_MANY);
        refused
    }
}

fn problem_of(error: impl Into<ApiError>) -> Problem {
    error.into().into_problem()
}
