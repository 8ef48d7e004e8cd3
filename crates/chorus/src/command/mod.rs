//! One file for each command.

pub(crate) mod accounts;
pub(crate) mod backup;
pub(crate) mod console;
pub(crate) mod cost;
pub(crate) mod demo;
pub(crate) mod design;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod order;
pub(crate) mod partners;
pub(crate) mod pattern;
pub(crate) mod payment;
pub(crate) mod projections;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod review;
pub(crate) mod settle;
pub(crate) mod simulate;
pub(crate) mod states;
pub(crate) mod synth;
pub(crate) mod token;
pub(crate) mod trace;
pub(crate) mod up;
pub(crate) mod upgrade;
