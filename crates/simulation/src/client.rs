//! Clients of the application's API. A client repeats its request until the response is final, or
//! gives up.

use std::time::Duration;

use chorus_http::{Caller, Request};
use jiff::Timestamp;
use serde_json::Value;

/// How many times a client sends its request by default, before it gives up.
const PATIENCE: u32 = 12;

/// Which 4xx responses are final for a client. For every client, 2xx and 409 are final, and 429 and
/// 5xx are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Refused,
    Found,
    Accepted,
    Conflict,
}

#[derive(Debug, Clone)]
pub struct Client {
    /// The name in traces and lists of faults; it is unique in a run.
    pub name: String,
    /// The method and path, such as `POST /orders`.
    pub route: &'static str,
    /// The request that the client sends at each attempt.
    pub request: Request,
    /// The status of the final response; `None` until it arrives.
    pub answered: Option<u16>,
    /// When the final response came.
    pub answered_at: Option<Timestamp>,
    /// Whether the client repeats a request that was answered so long ago that the idempotency
    /// record has expired. The API may then refuse the request.
    pub much_later: bool,
    pub(crate) patience: u32,
    pub(crate) attempts: u32,
    pub(crate) repeats: bool,
    until: Until,
}

impl Client {
    /// A client of a route, such as `POST /orders`. It tries up to twelve times, and any 4xx except
    /// 429 is final for it.
    #[must_use]
    pub fn new(name: impl Into<String>, route: &'static str, body: &Value) -> Self {
        Self {
            name: name.into(),
            route,
            request: Request { body: body.to_string().into_bytes(), ..Request::default() },
            patience: PATIENCE,
            attempts: 0,
            answered: None,
            answered_at: None,
            repeats: false,
            much_later: false,
            until: Until::Refused,
        }
    }

    /// Sends this `Idempotency-Key` with the request.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.request.headers.insert("idempotency-key".to_owned(), key.into());
        self
    }

    /// Sends the request as this caller. Without this call, the caller is unknown.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.request.caller = caller;
        self
    }

    /// Fills in a parameter of the route's path.
    #[must_use]
    pub fn path(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.path.insert(name.to_owned(), value.into());
        self
    }

    /// Gives up after this many attempts.
    #[must_use]
    pub const fn patience(mut self, attempts: u32) -> Self {
        self.patience = attempts;
        self
    }

    /// Repeats the request after a 404 or a 410, until the resource exists.
    #[must_use]
    pub const fn until_found(mut self) -> Self {
        self.until = Until::Found;
        self
    }

    /// Repeats the request after any 4xx except 404, 409 and 410.
    #[must_use]
    pub const fn until_accepted(mut self) -> Self {
        self.until = Until::Accepted;
        self
    }

    /// Repeats the request after any 4xx except 409.
    #[must_use]
    pub const fn until_conflict(mut self) -> Self {
        self.until = Until::Conflict;
        self
    }

    /// Sends an answered request again after its idempotency record has expired.
    #[must_use]
    pub const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Whether the client calls this route with this `Idempotency-Key`.
    #[must_use]
    pub fn is_request(&self, route: &str, key: &str) -> bool {
        self.route == route
            && self.request.headers.get("idempotency-key").is_some_and(|own| own == key)
    }

    /// A copy of this client that sends the same request after its idempotency record has expired.
    pub(crate) fn again(&self) -> Self {
        let name = format!("{}, much later", self.name);
        let (attempts, answered, answered_at) = (0, None, None);
        Self {
            name,
            patience: PATIENCE,
            attempts,
            answered,
            answered_at,
            much_later: true,
            ..self.clone()
        }
    }

    /// Whether a response with this status is final.
    pub(crate) fn is_satisfied(&self, status: u16) -> bool {
        match status {
            200..=299 | 409 => true,
            404 | 410 => !matches!(self.until, Until::Found | Until::Conflict),
            429 => false,
            400..=499 => !matches!(self.until, Until::Accepted | Until::Conflict),
            _ => false,
        }
    }

    /// How long the client waits before the next attempt.
    pub(crate) fn pause(&self) -> Duration {
        let doubled = 500_u64.saturating_mul(1 << self.attempts.min(12));
        Duration::from_millis(doubled.min(600_000))
    }
}
