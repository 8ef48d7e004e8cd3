//! The circuit breaker of a partner: when rows of the design table stop calling the partner, and
//! which events report this.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{EventSpec, Partner};

/// When calls to a partner stop and resume. Every row of the design table that calls the partner
/// names the same breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// The partner that is called.
    pub partner: Partner,
    /// The breaker opens after this many consecutive calls without an answer. While the breaker is
    /// open, only the probes after each pause call the partner.
    pub failures: u32,
    /// If more than this many seconds pass between two calls without an answer, the second call
    /// counts as the first of a new series.
    pub within_seconds: u32,
    /// For this many seconds after the breaker opens, no call is made. Then `probes` calls are
    /// made. While no probe is answered, the pause and the probes repeat.
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
    /// When the breaker opened and calls to the partner stopped.
    pub since: Timestamp,
    /// Why the call that opened the breaker was not answered.
    pub reason: String,
}
