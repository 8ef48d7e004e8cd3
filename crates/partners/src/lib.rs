//! Adapters that reach the shop's partners over the network.
//!
//! A service declares what it needs as a port of its own and answers for what a reply means to an
//! order. This crate knows partners' protocols and no service; each adapter is a feature, so that a
//! function carries only the one that it uses.

pub mod mail;
