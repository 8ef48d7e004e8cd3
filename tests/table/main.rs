//! The design table: its flow is complete, the code implements it, and a contract that changes
//! incompatibly is reported.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod closes;
mod compatible;
mod wired;
