//! What a worker thread needs to open sockets, and who may come in by which.

use std::cell::OnceCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use actix::{Addr, MailboxError, Recipient};
use actix_http::Request;
use actix_web::http::header::HeaderMap;

use super::address::TrustedProxies;
use super::admission::{Admission, Comer, Verdict};
use super::open_sockets::{OpenSockets, SocketGuard};
use super::problem::ApiError;
use super::relays::RelayList;
use super::{credential, origin};
use crate::auth::{Authenticator, Credential, Principal};
use crate::broker::{Broker, BrokerOptions, Relay};
use crate::domain::problem::Problem;
use crate::module::Identified;
use crate::observe::{Door, Metrics};
use crate::pipe::{Flusher, OutboxOptions};
use crate::session::engine::{EngineOptions, Engines};
use crate::session::socketio::{LobbyHouse, Newcomers, Recoveries};
use crate::{module, session};

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
    /// How long written bytes may go unacknowledged by the peer's machine.
    pub user_timeout: Duration,
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
    /// The open sockets of all threads.
    pub sockets: OpenSockets,
    /// The counters.
    pub metrics: Metrics,
}

/// Why somebody does not come in.
pub enum Refused {
    /// This is wrong, and told by HTTP; perhaps with when to ask again.
    Problem(Problem, Option<Duration>),
    /// Too many begin at once; told in the words of the dialect, with the moment that is theirs.
    Later(Duration),
}

impl Refused {
    /// What is told over plain HTTP, and when to ask again.
    #[must_use]
    pub fn into_problem(self) -> (Problem, Option<Duration>) {
        match self {
            Self::Problem(problem, after) => (problem, after),
            Self::Later(after) => (too_many(), Some(after)),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem, None)
    }
}

/// Who comes in.
pub enum Admitted {
    /// A person, to `/ws`.
    Person(Box<Principal>),
    /// A module, to `/ws/module`; none if it will identify itself by its first frame.
    Module(Option<Identified>),
}

impl Admitted {
    const fn door(&self) -> Door {
        match self {
            Self::Person(_) => Door::Native,
            Self::Module(_) => Door::Module,
        }
    }
}

impl Doors {
    /// Counts a socket in.
    #[must_use]
    pub fn count_socket(&self, admitted: &Admitted) -> SocketGuard {
        self.sockets.open(admitted.door(), &self.metrics)
    }

    /// Judges an upgrade request.
    ///
    /// # Errors
    /// What to answer with.
    pub async fn admit(&self, request: &Request) -> Result<Admitted, Refused> {
        let admitted = self.judge(request).await;
        if let Err(Refused::Problem(..)) = &admitted {
            self.metrics.refused("handshake");
        }
        admitted
    }

    /// Makes sure that one more connection may stay open.
    ///
    /// # Errors
    /// 503 when there are too many.
    pub fn check_room(&self) -> Result<(), Problem> {
        if self.sockets.count() >= self.options.max_sockets {
            return Err(too_many());
        }
        Ok(())
    }

    /// Lets the connection of a person begin, by whatever dialect, or says when it may.
    ///
    /// # Errors
    /// When too many begin at once.
    pub fn begin_person(&self, credential: Option<&Credential>, address: IpAddr) -> Result<(), Refused> {
        let is_known = credential.is_some_and(|credential| self.authenticator.is_genuine(credential));
        begin(&self.people_admitted, if is_known { Comer::Known } else { Comer::Stranger(address) })
    }

    async fn judge(&self, request: &Request) -> Result<Admitted, Refused> {
        self.check_room()?;
        match request.path() {
            "/ws" => self.person(request).await.map(|principal| Admitted::Person(Box::new(principal))),
            "/ws/module" => self.module(request).await.map(Admitted::Module),
            _ => Err(Problem::new("not-found", 404, "there is no socket here; use `/ws` or `/ws/module`").into()),
        }
    }

    async fn person(&self, request: &Request) -> Result<Principal, Refused> {
        let credential = self.credential(request)?;
        let address = self.address_of(request.peer_addr(), request.head().headers());
        // Before the credential is judged, which costs a look into the database.
        self.begin_person(Some(&credential), address)?;
        let person = self.authenticator.authenticate(credential).await.map_err(problem_of)?;
        Ok(person.coming_from(address))
    }

    /// The address a request comes from, behind trusted proxies too.
    pub fn address_of(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        self.options.trusted_proxies.caller(peer, headers).ip()
    }

    fn credential(&self, request: &Request) -> Result<Credential, Problem> {
        self.credential_of(request.head().headers(), request.uri().query())
    }

    /// What a request brings to log in with.
    ///
    /// # Errors
    /// 401 for nothing, 403 for the cookie of a page of a foreign origin.
    pub fn credential_of(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Credential, Problem> {
        if let Some(token) = credential::bearer(headers) {
            return Ok(Credential::Bearer(token.to_owned()));
        }
        if let Some(ticket) = query.and_then(ticket) {
            return Ok(Credential::Ticket(ticket.to_owned()));
        }
        let Some(cookie) = credential::cookie(headers) else {
            return Err(Problem::new("not-authenticated", 401, "log in first"));
        };
        if !origin::is_own(headers, &self.options.allowed_origins) {
            let detail = "a page of another origin may not use the session cookie; ask for a ticket";
            return Err(Problem::new("foreign-origin", 403, detail));
        }
        Ok(Credential::Cookie(cookie.to_owned()))
    }

    async fn module(&self, request: &Request) -> Result<Option<Identified>, Refused> {
        // Modules have a bucket of their own, and their tokens are judged in memory.
        begin(&self.modules_admitted, Comer::Known)?;
        let headers = request.head().headers();
        let (named, token) = match (credential::bearer(headers), credential::basic(headers)) {
            (Some(token), _) => (None, token.to_owned()),
            (None, Some((name, token))) => (Some(name), token),
            (None, None) => return Ok(None),
        };
        let found = module::identify(&self.modules, named.as_deref(), &token).await;
        Ok(Some(found.map_err(problem_of)?))
    }
}

fn begin(admission: &Admission, comer: Comer) -> Result<(), Refused> {
    match admission.ask(comer) {
        Verdict::Enter => Ok(()),
        Verdict::Later(after) => Err(Refused::Later(after)),
        Verdict::Full(after) => Err(Refused::Problem(too_many(), Some(after))),
    }
}

fn too_many() -> Problem {
    Problem::new("too-many-connections", 503, "the hub has too many connections; come back later")
}

fn problem_of(error: impl Into<ApiError>) -> Problem {
    error.into().into_problem()
}

fn ticket(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("ticket=")).filter(|ticket| !ticket.is_empty())
}

/// The doors of this worker thread, once they are open; the application of the thread shares them.
#[derive(Clone, Default)]
pub struct WorkerDoors(Rc<OnceCell<Rc<Doors>>>);

impl WorkerDoors {
    /// The doors.
    ///
    /// # Errors
    /// [`ApiError::unavailable`] while the thread starts.
    pub fn get(&self) -> Result<Rc<Doors>, ApiError> {
        self.0.get().cloned().ok_or_else(ApiError::unavailable)
    }

    /// Opens them.
    pub fn set(&self, doors: &Rc<Doors>) {
        // A thread opens its doors once; the first ones are as good as any.
        let _ = self.0.set(Rc::clone(doors));
    }
}

/// Makes the doors of a worker thread, on that thread.
#[derive(Clone)]
pub struct DoorMaker {
    /// The bounds.
    pub options: DoorOptions,
    /// The bounds of sessions.
    pub sessions: session::SessionOptions,
    /// The bounds of links.
    pub links: module::LinkOptions,
    /// How long written frames wait for company.
    pub flush_interval: Duration,
    /// Who orders events.
    pub broker: Addr<Broker>,
    /// The bounds of the relay.
    pub broker_options: BrokerOptions,
    /// Who knows all sessions.
    pub registry: Addr<session::Registry>,
    /// Who tells the state behind topics.
    pub snapshots: Recipient<session::TakeSnapshots>,
    /// Who judges credentials.
    pub authenticator: Authenticator,
    /// Who knows the modules.
    pub modules: Addr<module::Registry>,
    /// How many connections of people may begin.
    pub people_admitted: Admission,
    /// How many connections of modules may begin.
    pub modules_admitted: Admission,
    /// The sessions of Engine.IO of all threads.
    pub engines: Engines,
    /// The clients of Socket.IO that may come back.
    pub recoveries: Recoveries,
    /// The clients of Socket.IO that have not said who they are.
    pub newcomers: Newcomers,
    /// The open sockets of all threads.
    pub sockets: OpenSockets,
    /// Who is told of every relay that starts.
    pub relays: RelayList,
    /// The counters.
    pub metrics: Metrics,
}

impl DoorMaker {
    /// Starts the relay of this thread and opens its doors.
    ///
    /// # Errors
    /// When the broker is gone.
    pub async fn make(&self) -> Result<Rc<Doors>, MailboxError> {
        let (addr, relay) = Relay::join(self.broker.clone(), self.broker_options, self.metrics.clone()).await?;
        self.relays.add(addr);
        let house = session::House {
            options: self.sessions.clone(),
            relay,
            registry: self.registry.clone(),
            snapshots: self.snapshots.clone(),
            authenticator: self.authenticator.clone(),
            metrics: self.metrics.clone(),
        };
        let module_house = module::House { options: self.links.clone(), registry: self.modules.clone() };
        let metrics = self.metrics.clone();
        let house = Rc::new(house);
        let lobby = LobbyHouse {
            sessions: Rc::clone(&house),
            recoveries: self.recoveries.clone(),
            newcomers: self.newcomers.clone(),
        };
        Ok(Rc::new(Doors {
            options: self.options.clone(),
            flusher: Flusher::start(self.flush_interval, move |change| metrics.outbox_bytes(change)),
            house,
            lobby,
            engines: self.engines.clone(),
            module_house: Rc::new(module_house),
            authenticator: self.authenticator.clone(),
            modules: self.modules.clone(),
            people_admitted: self.people_admitted.clone(),
            modules_admitted: self.modules_admitted.clone(),
            sockets: self.sockets.clone(),
            metrics: self.metrics.clone(),
        }))
    }
}
