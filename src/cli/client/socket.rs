use std::time::Duration;

use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error,
        client::IntoClientRequest,
        http::{HeaderValue, Response, header},
        protocol::WebSocketConfig,
    },
};

use super::{ClientError, HubAddress, Stream};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Many connections of one process talk little: small buffers keep them cheap.
const BUFFER: usize = 4 << 10;

/// An open WebSocket to a hub.
pub type Socket = WebSocketStream<Stream>;

/// Opens a WebSocket at `path` with a Bearer token.
///
/// # Errors
/// [`ClientError::Unreachable`], or [`ClientError::Refused`] when the hub answers the handshake with a problem.
pub async fn connect_socket(address: &HubAddress, path: &str, token: &str) -> Result<Socket, ClientError> {
    let unreachable = |cause: String| ClientError::Unreachable { address: address.to_string(), cause };
    let opening = async {
        let stream = address.endpoint().connect().await.map_err(|error| ClientError::no_connection(address, &error))?;
        shake_hands(address, path, token, stream).await
    };

    timeout(CONNECT_TIMEOUT, opening).await.map_err(|_| unreachable("no answer in time".to_owned()))?
}

async fn shake_hands(address: &HubAddress, path: &str, token: &str, stream: Stream) -> Result<Socket, ClientError> {
    let mut request = address.ws(path).into_client_request()?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| ClientError::Closed("the token has characters no header can carry".to_owned()))?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);

    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(refused(path, &answer)),
        Err(error) => Err(error.into()),
    }
}

fn refused(path: &str, answer: &Response<Option<Vec<u8>>>) -> ClientError {
    let retry_after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());

    ClientError::Refused {
        what: format!("a WebSocket at `{path}`"),
        status: answer.status().as_u16(),
        detail: answer.status().canonical_reason().unwrap_or("no reason given").to_owned(),
        retry_after: retry_after.map(Duration::from_secs),
    }
}
