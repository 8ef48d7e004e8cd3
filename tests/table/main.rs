//! The design table: each event has a publisher and a consumer, each state change has a
//! compensation, and the code implements the table. Incompatible changes of the events' schemas are
//! reported.

#![allow(clippy::unwrap_used, reason = "what a test stands on may fail loudly, too")]

mod closes;
mod compatible;
mod wired;
