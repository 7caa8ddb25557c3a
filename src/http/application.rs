//! The application for plain requests: its routes, and what their handlers are handed.

use std::rc::Rc;
use std::sync::Arc;

use actix::{Addr, Recipient};
use actix_service::ServiceFactory;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, Condition, from_fn};
use actix_web::web::{Data, ServiceConfig, scope, to};
use actix_web::{App, Error};

use super::address::TrustedProxies;
use super::api::auth::CookieOptions;
use super::caller::Gate;
use super::door_maker::WorkerDoors;
use super::engine::{self, EngineSource};
use super::extract::BodyOptions;
use super::files::send_lost;
use super::middleware::{SecurityHeaders, cross_origin, measure};
use super::{api, operations};
use crate::admin::{AdminRoom, Audit, Monitor};
use crate::auth::{Accounts, Authenticator};
use crate::broker::Publish;
use crate::config::Config;
use crate::connector::{Courier, Webhooks};
use crate::observe::{Health, Metrics};
use crate::telemetry::{Archivist, History};
use crate::{module, session};

/// Everything that handlers may ask.
#[derive(Clone)]
pub struct Services {
    /// The configuration.
    pub config: Arc<Config>,
    /// Who keeps accounts.
    pub accounts: Addr<Accounts>,
    /// Who judges credentials.
    pub authenticator: Authenticator,
    /// Who knows all sessions.
    pub sessions: Addr<session::Registry>,
    /// Who knows the modules.
    pub modules: Addr<module::Registry>,
    /// Who counts wrong tokens of modules.
    pub wrong_tokens: module::WrongTokens,
    /// Who knows what was measured.
    pub history: History,
    /// Who keeps the rules of the retention.
    pub archivist: Addr<Archivist>,
    /// Who keeps the alarms and their rules.
    pub warden: Addr<module::Warden>,
    /// Who keeps the webhooks.
    pub webhooks: Addr<Webhooks>,
    /// Who delivers to them.
    pub courier: Addr<Courier>,
    /// Who gathers statistics.
    pub room: Addr<AdminRoom>,
    /// Who tells how the hub fares.
    pub monitor: Addr<Monitor>,
    /// Who keeps the audit.
    pub audit: Addr<Audit>,
    /// Who sends commands to modules.
    pub commands: Recipient<session::CommandModule>,
    /// Who orders events.
    pub publish: Recipient<Publish>,
    /// Whether the hub can do its work.
    pub health: Health,
    /// The counters.
    pub metrics: Metrics,
    /// Whether the hub itself speaks TLS.
    pub is_secure: bool,
}

/// The application of one worker.
pub fn application(
    services: Services,
    doors: WorkerDoors,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl actix_http::body::MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let security = Rc::new(SecurityHeaders::new(services.is_secure));
    let origins = services.config.http.allowed_origins.clone();
    App::new()
        .configure(|config| provide(config, services))
        .app_data(Data::new(engines_behind(doors.clone())))
        .app_data(Data::new(doors))
        // Routes are tried one after the other, and those of Socket.IO by an expression.
        .service(scope("/api/v1").configure(api::routes))
        .configure(engine::routes(engine::PATHS[0]))
        .configure(operations::routes)
        .default_service(to(send_lost))
        .wrap(Compress::default())
        .wrap(Condition::new(!origins.is_empty(), cross_origin(&origins)))
        .wrap(from_fn(move |request, next| measure(request, next, Rc::clone(&security))))
}

fn engines_behind(doors: WorkerDoors) -> EngineSource {
    EngineSource::new(move || doors.get().map(|doors| engine::of_people(&doors)))
}

fn provide(config: &mut ServiceConfig, services: Services) {
    let gate =
        Gate { authenticator: services.authenticator, allowed_origins: services.config.http.allowed_origins.clone() };
    let http = &services.config.http;
    let bodies = BodyOptions { limit: http.body_limit, timeout: http.body_timeout };
    config
        .app_data(Data::new(gate))
        .app_data(Data::new(CookieOptions { is_secure: services.is_secure }))
        .app_data(Data::new(services.accounts))
        .app_data(Data::new(services.sessions))
        .app_data(Data::new(module::Directory::new(services.modules.clone(), services.wrong_tokens)))
        .app_data(Data::new(services.modules))
        .app_data(Data::new(services.history))
        .app_data(Data::new(services.archivist))
        .app_data(Data::new(services.warden))
        .app_data(Data::new(services.webhooks))
        .app_data(Data::new(services.courier))
        .app_data(Data::new(services.config.webhooks.clone()))
        .app_data(Data::new(services.config.telemetry.clone()))
        .app_data(Data::new(services.room))
        .app_data(Data::new(services.monitor))
        .app_data(Data::new(services.audit))
        .app_data(Data::new(services.publish))
        .app_data(Data::new(services.commands))
        .app_data(Data::new(services.config.commands.clone()))
        .app_data(Data::new(services.health))
        .app_data(Data::new(services.metrics))
        .app_data(Data::new(services.config.http.metrics))
        .app_data(Data::new(bodies))
        .app_data(Data::new(TrustedProxies(services.config.http.trusted_proxies.clone())));
}
