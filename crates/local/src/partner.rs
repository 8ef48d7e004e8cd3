//! Partners: HTTP endpoints that the bus itself calls (API destinations).

use std::time::Duration;

use async_trait::async_trait;
use chorus_table::{CallBody, RowSpec};

use crate::Error;
use crate::engine::{Accepted, AttemptResult, DeliveryError};
use crate::wire;

/// A partner's URL, and the API key that the bus sends to the partner.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The URL that calls are posted to.
    pub url: String,
    /// The name of the header that carries the API key.
    pub api_key_header: String,
    pub api_key: String,
    /// How long the bus waits for an answer.
    pub timeout: Duration,
}

impl Endpoint {
    /// An endpoint that expects its API key in `x-api-key`. The bus waits five seconds for an
    /// answer, as EventBridge does.
    pub fn new(url: impl Into<String>, api_key: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key_header: "x-api-key".to_owned(),
            api_key: api_key.into(),
            timeout: Duration::from_secs(5),
        }
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

/// One call to a partner: a POST of JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The action whose row of the design table declares this call.
    pub action: &'static str,
    pub endpoint: Endpoint,
    /// The header `Idempotency-Key` and, if the event has a trace, the header `traceparent`. The
    /// API key and the content type, which are sent as well, are not in this list.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON to send: the event's `detail`, or only the `data` in it.
    pub body: String,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("action", &self.action)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Why a call got no response. It is unknown whether the partner has carried out the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the partner did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the partner was not reached: {0}")]
    NotReached(String),
}

/// Makes calls: over HTTP, or, in a simulation, to a simulated partner.
#[async_trait]
pub trait Partner: Send + Sync {
    /// Posts the call, and returns the HTTP status of the answer.
    ///
    /// # Errors
    /// If there was no answer.
    async fn post(&self, call: &Call) -> Result<u16, NoAnswer>;
}

/// Makes calls over HTTP, with a pool of connections.
#[derive(Debug, Clone)]
pub struct HttpPartner {
    client: reqwest::Client,
}

impl HttpPartner {
    /// A client with its own connection pool.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, Error> {
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let client = builder.build().map_err(|error| Error::Http(error.to_string()))?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Partner for HttpPartner {
    async fn post(&self, call: &Call) -> Result<u16, NoAnswer> {
        let Endpoint { url, api_key_header, api_key, timeout } = &call.endpoint;
        let mut request = self.client.post(url).timeout(*timeout).body(call.body.clone());
        request = request.header("content-type", "application/json; charset=utf-8");
        request = request.header(api_key_header, api_key);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let answered = request.send().await.map_err(|error| {
            if error.is_timeout() {
                return NoAnswer::TimedOut(*timeout);
            }
            // The URL is left out of the message, because it may contain a secret.
            NoAnswer::NotReached(root_cause(&error.without_url()))
        })?;
        Ok(answered.status().as_u16())
    }
}

/// A partner whose calls all fail. It is used if no endpoint is configured, because creating an
/// HTTP client takes a while.
pub(crate) struct NoPartner;

#[async_trait]
impl Partner for NoPartner {
    async fn post(&self, _: &Call) -> Result<u16, NoAnswer> {
        Err(NoAnswer::NotReached("no endpoint is configured".to_owned()))
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The call by which `row` delivers `event` to its partner.
pub(crate) fn call(
    row: &RowSpec,
    endpoint: &Endpoint,
    event: &Accepted,
) -> serde_json::Result<Call> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        #[serde(default)]
        metadata: Ids,
    }
    #[derive(Default, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Ids {
        idempotency_key: Option<String>,
        traceparent: Option<String>,
    }
    let Envelope { metadata: ids } = serde_json::from_str(wire::detail(&event.json)?.get())?;
    let sent = row.partner().map_or(CallBody::Detail, |partner| partner.body);
    let body = wire::body(&event.json, sent)?.get().to_owned();
    let key = ids.idempotency_key.unwrap_or_else(|| event.event_id.clone());
    let mut headers = vec![("idempotency-key", key)];
    headers.extend(ids.traceparent.map(|trace| ("traceparent", trace)));
    Ok(Call { action: row.action, endpoint: endpoint.clone(), headers, body })
}

/// The result that follows from a partner's answer. The call is retried after 429, any 5xx, or no
/// answer. The call is not retried after another error status, because the partner would refuse the
/// call again.
pub(crate) fn result(answered: &Result<u16, NoAnswer>) -> AttemptResult {
    match answered {
        Ok(200..=299) => AttemptResult::Done(None),
        Ok(status @ (429 | 500..=599)) => AttemptResult::Failed(DeliveryError::retryable(
            "SDK_CLIENT_ERROR",
            format!("the partner answered {status}"),
        )),
        Ok(status) => AttemptResult::Failed(DeliveryError::terminal(
            "SDK_CLIENT_ERROR",
            format!("the partner answered {status}"),
        )),
        Err(error @ NoAnswer::TimedOut(_)) => {
            AttemptResult::Failed(DeliveryError::retryable("TIMEOUT", error.to_string()))
        }
        Err(error @ NoAnswer::NotReached(_)) => {
            AttemptResult::Failed(DeliveryError::retryable("CONNECTION_FAILURE", error.to_string()))
        }
    }
}
