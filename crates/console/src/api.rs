//! The console's client of a shop's API, local or remote.

use async_trait::async_trait;
use chorus_http::Caller;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A request to the API of a shop.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The HTTP method: `GET`, `POST` or `PUT`.
    pub method: &'static str,
    /// The path with its query.
    pub path: String,
    /// The request's idempotency key: requests with the same key take effect once.
    pub idempotency_key: Option<String>,
    /// The JSON body, if there is one.
    pub body: Option<Value>,
}

impl ApiRequest {
    /// A request that reads `path`.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), idempotency_key: None, body: None }
    }

    /// A request that posts `body` to `path`, with the idempotency key `key`.
    pub(crate) fn post(path: impl Into<String>, key: &str, body: Value) -> Self {
        let idempotency_key = Some(key.to_owned());
        Self { method: "POST", path: path.into(), idempotency_key, body: Some(body) }
    }

    /// A request that puts `body` at `path`.
    pub(crate) fn put(path: impl Into<String>, body: Value) -> Self {
        Self { method: "PUT", path: path.into(), idempotency_key: None, body: Some(body) }
    }
}

/// A response of the shop's API.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// The JSON body; null if there is none.
    pub body: Value,
}

/// The shop's API cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the shop does not answer: {0}")]
pub struct Unreachable(pub String);

/// The API of a shop, wherever the shop runs.
#[async_trait]
pub trait ShopApi: Send + Sync {
    /// Sends a request as `caller`, and returns the response whatever its status.
    async fn ask(&self, caller: &Caller, ask: ApiRequest) -> Result<Answer, Unreachable>;
}

/// The shop's API, and the caller on whose behalf the API is called.
#[derive(Clone, Copy)]
pub(crate) struct ApiAs<'a> {
    pub(crate) api: &'a dyn ShopApi,
    pub(crate) caller: &'a Caller,
}

/// Why a page has no response to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("{detail}")]
    Refused { status: u16, detail: String },
    #[error("{path} answers with JSON that this console cannot parse: {source}")]
    Shape {
        path: String,
        #[source]
        source: serde_json::Error,
    },
}

/// Sends the request and parses a 2xx body as `T`.
pub(crate) async fn read<T: DeserializeOwned>(
    api: ApiAs<'_>,
    ask: ApiRequest,
) -> Result<T, AskError> {
    let path = ask.path.clone();
    let Answer { status, body } = api.api.ask(api.caller, ask).await?;
    if !(200..300).contains(&status) {
        let reason = body["detail"].as_str().or_else(|| body["title"].as_str());
        let detail = reason.unwrap_or("the response has no detail").to_owned();
        return Err(AskError::Refused { status, detail });
    }
    serde_json::from_value(body).map_err(|source| AskError::Shape { path, source })
}

/// Like [`find`], for a part of a page. The outer `None` means that the caller may not see the
/// part, so that the page leaves it out.
pub(crate) async fn permitted<T: DeserializeOwned>(
    api: ApiAs<'_>,
    ask: ApiRequest,
) -> Result<Option<Option<T>>, AskError> {
    match find(api, ask).await {
        Err(AskError::Refused { status: 403, .. }) => Ok(None),
        found => found.map(Some),
    }
}

/// Sends the request and parses a 2xx body as `T`; a 404 becomes `None`.
pub(crate) async fn find<T: DeserializeOwned>(
    api: ApiAs<'_>,
    ask: ApiRequest,
) -> Result<Option<T>, AskError> {
    match read(api, ask).await {
        Ok(found) => Ok(Some(found)),
        Err(AskError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
