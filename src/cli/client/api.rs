use std::{rc::Rc, time::Duration};

use awc::{
    Client, ClientRequest, Connector,
    error::{ConnectError, SendRequestError},
    http::{Method, header},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{ClientError, HubAddress};
use crate::connector::machine_trust;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_ANSWER: usize = 4 << 20;
/// How often a request is tried again when the hub asks for patience (429, 503).
const PATIENCE: usize = 20;

/// The HTTP side of a hub, for one account or for none.
///
/// A clone shares the connections.
#[derive(Clone)]
pub struct Api {
    client: Client,
    address: Rc<HubAddress>,
    bearer: Option<Rc<str>>,
}

/// The answer to a login.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Goes into the `Authorization: Bearer` header.
    pub access_token: String,
    /// Who logged in.
    pub user: SessionUser,
}

/// The account behind a login.
#[derive(Debug, Clone, Deserialize)]
pub struct SessionUser {
    /// The opaque id of the account.
    pub id: String,
}

/// A module to register.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewModule {
    /// The identity, for instance `MC-1001-STN`.
    pub module_id: String,
    /// The name people read.
    pub name: String,
    /// The type, for instance `Station`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The owner; the account itself when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
}

/// The answer to a registration or a rotation.
#[derive(Debug, Deserialize)]
pub struct CreatedModule {
    /// The module's credential, shown this once.
    pub token: String,
}

impl Api {
    /// The hub at `address`, without an account.
    pub fn new(address: &HubAddress) -> Self {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).disable_redirects();
        // Whom the machine trusts is read only where that is needed, which takes a while. HTTP/1.1, as no other is asked for.
        let client = if address.is_tls() {
            client.connector(Connector::new().rustls_0_23(machine_trust().config.clone())).finish()
        } else {
            client.finish()
        };

        Self { client, address: Rc::new(address.clone()), bearer: None }
    }

    /// Logs in, and answers the API of that account.
    ///
    /// # Errors
    /// [`ClientError::Refused`] for wrong credentials, and every other [`ClientError`].
    pub async fn login(address: &HubAddress, email: &str, password: &str) -> Result<(Self, Session), ClientError> {
        let api = Self::new(address);
        let body = json!({ "email": email, "password": password });
        let session: Session = api.call(Method::POST, "/api/v1/auth/login", Some(&body)).await?;
        let bearer = Some(Rc::from(session.access_token.as_str()));

        Ok((Self { bearer, ..api }, session))
    }

    /// The same hub, as the module that `token` belongs to.
    pub fn as_module(&self, token: &str) -> Self {
        Self { bearer: Some(Rc::from(token)), ..self.clone() }
    }

    /// Registers a module; when it is there already, gives it a new credential.
    ///
    /// # Errors
    /// Every [`ClientError`]; [`ClientError::Refused`] also when the module belongs to somebody else.
    pub async fn register(&self, module: &NewModule) -> Result<CreatedModule, ClientError> {
        let body = serde_json::to_value(module).unwrap_or_default();
        match self.call(Method::POST, "/api/v1/modules", Some(&body)).await {
            Err(error) if error.status() == Some(409) => self.rotate(&module.module_id).await,
            answer => answer,
        }
    }

    /// Gives a module a new credential; the old one stops working.
    ///
    /// # Errors
    /// Every [`ClientError`].
    pub async fn rotate(&self, module_id: &str) -> Result<CreatedModule, ClientError> {
        self.call(Method::POST, &format!("/api/v1/modules/{module_id}/credentials"), None).await
    }

    /// Pushes one reading, an array of readings or nothing less; the hub has committed it when this answers.
    ///
    /// # Errors
    /// Every [`ClientError`].
    pub async fn push(&self, module_id: &str, readings: &Value) -> Result<(), ClientError> {
        let path = format!("/api/v1/modules/{module_id}/telemetry");
        self.call_once::<Value>(Method::POST, &path, Some(readings)).await.map(drop)
    }

    /// Asks for `path` and reads the answer as JSON.
    ///
    /// # Errors
    /// Every [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, None).await
    }

    /// Sends a request and reads the answer as JSON, waiting as long as the hub asks to when it is busy.
    ///
    /// # Errors
    /// Every [`ClientError`].
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ClientError> {
        for _ in 0..PATIENCE {
            let answer = self.call_once(method.clone(), path, body).await;
            match answer.as_ref().err().and_then(ClientError::wait) {
                Some(wait) => sleep(wait).await,
                None => return answer,
            }
        }

        self.call_once(method, path, body).await
    }

    async fn call_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, ClientError> {
        let what = format!("`{method} {path}`");
        let request = self.request(method, path);
        let sending = match body {
            Some(body) => request.send_json(body),
            None => request.send(),
        };
        let mut answer = sending.await.map_err(|error| self.unreachable(&error))?;
        let retry_after = retry_after(answer.headers());
        let status = answer.status();
        let bytes = answer
            .body()
            .limit(LONGEST_ANSWER)
            .await
            .map_err(|error| ClientError::Answer { what: what.clone(), cause: error.to_string() })?;
        if !status.is_success() {
            let detail = detail(&bytes);
            return Err(ClientError::Refused { what, status: status.as_u16(), detail, retry_after });
        }
        let json: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };

        serde_json::from_slice(json).map_err(|error| ClientError::Answer { what, cause: error.to_string() })
    }

    fn request(&self, method: Method, path: &str) -> ClientRequest {
        let request = self.client.request(method, self.address.http(path));
        match &self.bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn unreachable(&self, error: &SendRequestError) -> ClientError {
        let cause = match error {
            SendRequestError::Connect(ConnectError::Io(cause)) => {
                return ClientError::no_connection(&self.address, cause);
            }
            SendRequestError::Send(cause) => cause.to_string(),
            other => other.to_string(),
        };

        ClientError::Unreachable { address: self.address.to_string(), cause }
    }
}

fn retry_after(headers: &header::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;

    Some(Duration::from_secs(seconds))
}

/// What a problem document says of itself, or the answer's beginning when it is none.
fn detail(bytes: &[u8]) -> String {
    let problem: Option<Value> = serde_json::from_slice(bytes).ok();
    let told = problem.as_ref().and_then(|problem| {
        let mut parts = vec![problem["detail"].as_str().or(problem["title"].as_str())?.to_owned()];
        for error in problem["errors"].as_array().into_iter().flatten() {
            let pointer = error["pointer"].as_str().unwrap_or("");
            parts.push(format!("`{pointer}` {}", error["detail"].as_str().unwrap_or("")));
        }
        Some(parts.join("; "))
    });

    told.unwrap_or_else(|| String::from_utf8_lossy(bytes).chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_faulty_fields() {
        let problem = br#"{"title":"Bad fields","status":422,"detail":"one field is wrong",
            "errors":[{"pointer":"/name","detail":"must not be empty"}]}"#;

        assert_eq!(detail(problem), "one field is wrong; `/name` must not be empty");
    }

    #[test]
    fn an_answer_that_is_no_problem_is_told_by_its_beginning() {
        assert_eq!(detail(b"Bad Gateway"), "Bad Gateway");
    }
}
