//! The circuit breaker of a partner: when rows stop calling it, and who learns of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EventSpec, Partner};

/// When calls of a partner stop and start again. Every row that calls the partner names the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Who is called.
    pub partner: Partner,
    /// After so many calls in a row without an answer, nobody calls.
    pub failures: u32,
    /// A failure counts together with an earlier one only if at most so many seconds are between them.
    pub within_seconds: u32,
    /// For so many seconds nobody calls; then `probes` calls are made, and so on until one is answered.
    pub pause_seconds: u32,
    /// How many calls are made after each pause.
    pub probes: u32,
    /// The event that says that nobody calls any more. Its data is a [`PartnerState`].
    pub unavailable: &'static EventSpec,
    /// The event that says that the partner has answered. Its data is a [`PartnerState`].
    pub recovered: &'static EventSpec,
}

/// What the events of a breaker say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PartnerState {
    /// The partner's name.
    pub partner: String,
    /// Since when nobody calls.
    pub since: Timestamp,
    /// Why the last call before that was not answered.
    pub reason: String,
}
