//! Calls a shop's API: over HTTP if the shop is running, or else in this process, on the shop's
//! data directory.

use anyhow::{Context, bail};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use crate::screen::called;

/// The largest response body that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

#[derive(Debug, Clone)]
pub(crate) enum Client {
    /// A running shop, which listens at this URL.
    Remote { http: reqwest::Client, url: String, token: Option<String> },
    /// A shop in this process.
    Here(Router),
}

#[derive(Debug, Clone)]
pub(crate) struct ApiRequest<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Option<Value>,
}

impl<'a> ApiRequest<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: "GET", path, key: None, body: None }
    }

    pub(crate) fn post(path: &'a str, body: Value) -> Self {
        Self { method: "POST", path, key: None, body: Some(body) }
    }

    pub(crate) fn delete(path: &'a str) -> Self {
        Self { method: "DELETE", path, key: None, body: None }
    }

    pub(crate) fn put(path: &'a str, body: Value) -> Self {
        Self { method: "PUT", path, key: None, body: Some(body) }
    }

    pub(crate) fn with_key(self, key: &'a str) -> Self {
        Self { key: Some(key), ..self }
    }
}

impl Client {
    pub(crate) fn remote(url: &str) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self::Remote { http: reqwest::Client::new(), url, token: None }
    }

    /// Returns a client that sends this bearer token; a shop in this process needs no token.
    pub(crate) fn with_token(self, token: Option<String>) -> Self {
        match self {
            Self::Remote { http, url, .. } => Self::Remote { http, url, token },
            Self::Here(router) => Self::Here(router),
        }
    }

    /// Sends the request and parses a 2xx body as `T`. For any other status, returns an error with
    /// the problem details.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, ask: ApiRequest<'_>) -> anyhow::Result<T> {
        let (method, path) = (ask.method, ask.path.to_owned());
        let (status, answer) = self.send(ask).await?;
        if !(200..300).contains(&status) {
            bail!("{}", problem(status, &answer));
        }
        serde_json::from_value(answer)
            .with_context(|| format!("{method} {path} answered with JSON of an unexpected shape"))
    }

    /// Sends the request, and returns the status and the body. An error status is not an `Err`.
    pub(crate) async fn send(&self, ask: ApiRequest<'_>) -> anyhow::Result<(u16, Value)> {
        let body = ask.body.map(|body| body.to_string()).unwrap_or_default();
        let (status, bytes) = match self {
            Self::Remote { http, url, token } => {
                let method = reqwest::Method::from_bytes(ask.method.as_bytes())?;
                let mut request = http.request(method, format!("{url}{}", ask.path)).body(body);
                request = request.header("content-type", "application/json");
                if let Some(key) = ask.key {
                    request = request.header("idempotency-key", key);
                }
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                let answer = request.send().await.map_err(|error| unreachable(url, &error))?;
                (answer.status().as_u16(), answer.bytes().await?.to_vec())
            }
            Self::Here(router) => {
                let mut request = Request::builder().method(ask.method).uri(ask.path);
                request = request.header("content-type", "application/json");
                if let Some(key) = ask.key {
                    request = request.header("idempotency-key", key);
                }
                let answer = router.clone().oneshot(request.body(Body::from(body))?).await?;
                let status = answer.status().as_u16();
                (status, to_bytes(answer.into_body(), MAX_ANSWER).await?.to_vec())
            }
        };
        let answer = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok((status, answer))
    }
}

/// Returns the error for a URL at which no shop listens. Its text contains the innermost cause, and
/// the command that starts a shop.
fn unreachable(url: &str, error: &reqwest::Error) -> anyhow::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let start = format!("start one with `{} up --data DIR`", called());
    anyhow::anyhow!("{cause}").context(format!("no shop answers at {url}; {start}"))
}

/// Converts problem details (RFC 9457) into one sentence.
fn problem(status: u16, answer: &Value) -> String {
    let title = answer["title"].as_str().unwrap_or("error");
    let detail = answer["detail"].as_str().unwrap_or("the response has no detail");
    format!("{status} {title}: {detail}")
}
