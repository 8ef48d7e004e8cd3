//! The trace of a run: a fingerprint, and the lines if they were requested.

use jiff::Timestamp;

use crate::draw::{hash_name, mix};
use crate::fault::{Fault, Port};

#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    fingerprint: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// A trace that keeps its lines.
    pub(crate) const fn recording() -> Self {
        Self { fingerprint: 0, lines: Some(Vec::new()) }
    }

    /// Adds a call that the task `label` made: the call's number and port, and the fault that was
    /// injected into the call, if any.
    pub(crate) fn call(
        &mut self,
        now: Timestamp,
        label: &str,
        call: u32,
        port: Port,
        fault: Option<Fault>,
    ) {
        let code = port.number() << 32 | u64::from(call) << 8 | fault.map_or(0, |it| it as u64 + 1);
        self.add(now, hash_name(label) ^ code);
        if let Some(lines) = &mut self.lines {
            let struck = fault.map_or_else(String::new, |fault| format!("  << {fault:?}"));
            lines.push(format!("{now:.6} {label}: call {call} {port:?}{struck}"));
        }
    }

    /// Adds something that happened and is not a call; `what` describes it.
    pub(crate) fn happened(&mut self, now: Timestamp, what: &dyn std::fmt::Display) {
        let line = what.to_string();
        self.add(now, hash_name(&line));
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now:.6} {line}"));
        }
    }

    pub(crate) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn add(&mut self, now: Timestamp, what: u64) {
        self.fingerprint = mix(mix(self.fingerprint, now.as_nanosecond() as u64), what);
    }
}
