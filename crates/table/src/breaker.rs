//! The circuit breaker of a partner: when rows stop calling the partner, and which events report
//! it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EventSpec, Partner};

/// When calls to a partner stop and resume. Every row that calls the partner names the same
/// breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// The partner that is called.
    pub partner: Partner,
    /// The breaker opens after this many calls in a row without an answer; while it is open, no row
    /// calls the partner.
    pub failures: u32,
    /// Two failures count together only if at most this many seconds lie between them.
    pub within_seconds: u32,
    /// For this many seconds after the breaker opened no call is made; then `probes` calls are
    /// made. While none of them is answered, the pause and the probes repeat.
    pub pause_seconds: u32,
    /// How many calls are made after each pause.
    pub probes: u32,
    /// The event that is published when the breaker opens. Its data is a [`PartnerState`].
    pub unavailable: &'static EventSpec,
    /// The event that is published when the partner has answered again. Its data is a
    /// [`PartnerState`].
    pub recovered: &'static EventSpec,
}

/// The data of the events that a circuit breaker publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PartnerState {
    /// The partner's name.
    pub partner: String,
    /// When the circuit opened: from then on, the partner is not called.
    pub since: Timestamp,
    /// Why the call that opened the circuit was not answered.
    pub reason: String,
}
