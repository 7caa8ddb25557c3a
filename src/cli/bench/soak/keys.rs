use std::{cell::Cell, time::Duration};

use awc::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    select,
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use super::{PATIENCE, TOPICS, until_over};
use crate::cli::{
    bench::{
        sessions::enter,
        target::Target,
        wire::{Destination, Frame},
    },
    client::{Api, ClientError, HubAddress, LoginArgs, NewModule},
};

/// The close code of a session whose login has ended.
const LOGIN_ENDED: u16 = 4001;

/// The admin's login that everybody shares, and logins that end soon.
pub struct Keys {
    destination: Destination,
    address: HubAddress,
    account: Value,
    token: watch::Sender<String>,
    refresh: Cell<String>,
    logins: Cell<u64>,
    failed: Cell<u64>,
}

/// What a login, or its refreshing, is answered.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    access_token: String,
    refresh_token: String,
}

impl Keys {
    /// Logs in.
    ///
    /// # Errors
    /// [`ClientError`] when the hub does not take the account.
    pub async fn log_in(target: &Target) -> Result<Self, ClientError> {
        let (address, LoginArgs { email, password }) = target.account();
        let account = json!({ "email": email, "password": password });
        let first = ask(&Api::new(address), "login", &account).await?;

        Ok(Self {
            destination: target.destination.clone(),
            address: address.clone(),
            account,
            token: watch::Sender::new(first.access_token),
            refresh: Cell::new(first.refresh_token),
            logins: Cell::new(0),
            failed: Cell::new(0),
        })
    }

    /// The access token that is valid now.
    pub fn token(&self) -> String {
        self.token.borrow().clone()
    }

    /// The access tokens as they come.
    pub fn tokens(&self) -> watch::Receiver<String> {
        self.token.subscribe()
    }

    /// Logins that came and went.
    pub fn logins(&self) -> u64 {
        self.logins.get()
    }

    /// Whatever of this went wrong.
    pub fn failed(&self) -> u64 {
        self.failed.get()
    }

    /// Refreshes the login and lets another one, and a module, come and go, so often until it is over.
    pub async fn turn(&self, every: Duration, mut over: watch::Receiver<bool>) {
        let start = Instant::now();
        for number in 0.. {
            select! {
                () = sleep_until(start + every * number) => {}
                () = until_over(&mut over) => return,
            }
            let turned = async {
                self.renew().await?;
                self.visit(number).await
            };
            if let Err(error) = turned.await {
                tracing::warn!(%error, "a login, or a module, did not come and go");
                self.failed.set(self.failed.get() + 1);
            }
        }
    }

    async fn renew(&self) -> Result<(), ClientError> {
        let body = json!({ "refreshToken": self.refresh.take() });
        let next = ask(&Api::new(&self.address), "refresh", &body).await?;
        self.refresh.set(next.refresh_token);
        self.token.send_replace(next.access_token);

        Ok(())
    }

    /// Logs in, opens a session, registers a module and deletes it, and logs out: the hub has to end the session.
    async fn visit(&self, number: u32) -> Result<(), ClientError> {
        let Answer { access_token, .. } = ask(&Api::new(&self.address), "login", &self.account).await?;
        let mut session = enter(&self.destination, 0, "/ws", &access_token, Some(TOPICS)).await?;
        let api = Api::new(&self.address).as_module(&access_token);
        let module_id = format!("SOAK-{number:05}");
        let path = format!("/api/v1/modules/{module_id}");
        let name = format!("Visitor {number}");
        api.register(&NewModule { module_id, name, kind: "Bench".to_owned(), user_id: None }).await?;
        api.call::<Value>(Method::DELETE, &path, None).await?;
        api.call::<Value>(Method::POST, "/api/v1/auth/logout", None).await?;
        let mut code = None;
        let hearing = async {
            let hear = |frame: Frame<'_>| {
                if let Frame::Close(told) = frame {
                    code = told;
                }
            };
            let mut hear = hear;
            while session.read(&mut hear).await.is_ok() {}
        };
        let ended = timeout(PATIENCE, hearing).await;
        if ended.is_err() || code != Some(LOGIN_ENDED) {
            return Err(ClientError::Closed(format!("a session outlived its login, or was closed with {code:?}")));
        }
        self.logins.set(self.logins.get() + 1);

        Ok(())
    }
}

async fn ask(api: &Api, what: &str, body: &Value) -> Result<Answer, ClientError> {
    api.call(Method::POST, &format!("/api/v1/auth/{what}"), Some(body)).await
}
