//! Checks that the stored answer to a callback is never deleted. (A callback is what a task of a
//! state machine waits for.) So a task gets the answer even if the answer arrives before the task
//! begins to wait.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use chorus_kernel::{Item, text};
use chorus_simulation::Watch;

/// The tables of the callbacks for which state machines wait.
const TABLES: [&str; 3] = [
    chorus_delivery::CARRIER_WAIT_TABLE.name,
    chorus_payment::REVIEW_WAIT_TABLE.name,
    chorus_payment::CUSTOMER_WAIT_TABLE.name,
];

/// The invariants of all callbacks.
pub(crate) fn watches() -> impl Iterator<Item = Watch> {
    TABLES.into_iter().map(|table| {
        let answered = Mutex::default();
        Watch::new(table, move |item| forgotten(item, table, &answered))
    })
}

/// Describes the violation if the callback's answer was stored before and is gone now.
fn forgotten(item: &Item, table: &str, answered: &Mutex<BTreeSet<String>>) -> Option<String> {
    let mut answered = answered.lock().unwrap_or_else(PoisonError::into_inner);
    let handle = text(item, "pk").unwrap_or_default();
    if text(item, "answer").is_some() {
        answered.insert(handle.to_owned());
        return None;
    }
    answered
        .contains(handle)
        .then(|| format!("callback: the stored answer to {handle} of {table} was deleted"))
}
