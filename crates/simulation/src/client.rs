//! Callers of the application's API: they repeat themselves until they are answered, or go away.

use std::time::Duration;

use chorus_http::{Caller, Request};
use serde_json::Value;

/// How often a caller tries by default.
const PATIENCE: u32 = 12;

/// Until which response a caller repeats its request. All take 2xx and 409 as final, and none a
/// 5xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Refused,
    Found,
    Taken,
}

/// A caller of the API.
#[derive(Debug, Clone)]
pub struct Client {
    /// As traces and schedules of faults name it; one name for each client of a run.
    pub name: String,
    /// Method and path, such as `POST /orders`.
    pub route: &'static str,
    /// What it sends at each attempt.
    pub request: Request,
    /// The status that ended it.
    pub answered: Option<u16>,
    /// Whether it repeats what was answered so long ago that the record has expired: it may be
    /// refused then.
    pub much_later: bool,
    pub(crate) patience: u32,
    pub(crate) attempts: u32,
    pub(crate) repeats: bool,
    until: Until,
}

impl Client {
    /// A caller of a route, such as `POST /orders`. It tries up to twelve times, and takes any 4xx
    /// for an answer.
    #[must_use]
    pub fn new(name: impl Into<String>, route: &'static str, body: &Value) -> Self {
        Self {
            name: name.into(),
            route,
            request: Request { body: body.to_string().into_bytes(), ..Request::default() },
            patience: PATIENCE,
            attempts: 0,
            answered: None,
            repeats: false,
            much_later: false,
            until: Until::Refused,
        }
    }

    /// Sends this `Idempotency-Key`.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.request.headers.insert("idempotency-key".to_owned(), key.into());
        self
    }

    /// Calls as this caller; without one, as nobody known.
    #[must_use]
    pub fn caller(mut self, caller: Caller) -> Self {
        self.request.caller = caller;
        self
    }

    /// Fills in a part of the route's path.
    #[must_use]
    pub fn path(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.path.insert(name.to_owned(), value.into());
        self
    }

    /// Goes away after so many attempts.
    #[must_use]
    pub const fn patience(mut self, attempts: u32) -> Self {
        self.patience = attempts;
        self
    }

    /// Asks for something that is there sooner or later: 404 is no answer.
    #[must_use]
    pub const fn until_found(mut self) -> Self {
        self.until = Until::Found;
        self
    }

    /// Takes no 4xx but 404 and 409 for an answer.
    #[must_use]
    pub const fn until_taken(mut self) -> Self {
        self.until = Until::Taken;
        self
    }

    /// If it was answered, asks the same again much later, when its record has expired.
    #[must_use]
    pub const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Whether it calls this route with this `Idempotency-Key`.
    #[must_use]
    pub fn asks(&self, route: &str, key: &str) -> bool {
        self.route == route
            && self.request.headers.get("idempotency-key").is_some_and(|own| own == key)
    }

    /// The same caller, asking the same another time.
    pub(crate) fn again(&self) -> Self {
        let name = format!("{}, much later", self.name);
        let (attempts, answered) = (0, None);
        Self { name, patience: PATIENCE, attempts, answered, much_later: true, ..self.clone() }
    }

    /// Whether a response of this status is final.
    pub(crate) fn is_satisfied(&self, status: u16) -> bool {
        match status {
            200..=299 | 409 => true,
            404 => self.until != Until::Found,
            400..=499 => self.until != Until::Taken,
            _ => false,
        }
    }

    /// How long it waits before the next attempt.
    pub(crate) fn pause(&self) -> Duration {
        let doubled = 500_u64.saturating_mul(1 << self.attempts.min(12));
        Duration::from_millis(doubled.min(600_000))
    }
}
