//! The carrier's behaviour towards a parcel, selected by the customer's id.

use chorus_events::CustomerId;

/// The ways in which the carrier deviates from just delivering a parcel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// The carrier picks the parcel up, then gives up.
    pub(crate) cancels: bool,
    pub(crate) down: bool,
    /// The carrier answers two requests with 503, and accepts the third.
    pub(crate) flaky: bool,
    pub(crate) slow: bool,
    pub(crate) twice: bool,
    pub(crate) silent: bool,
    /// The carrier rejects the first recall of a parcel.
    pub(crate) refuses_recall: bool,
}

impl Behaviour {
    /// The behaviour that this customer's id selects.
    pub(crate) fn of(customer_id: &CustomerId) -> Self {
        let told = |word| customer_id.as_str().contains(word);
        Self {
            cancels: told("carrier-cancels"),
            down: told("carrier-down"),
            flaky: told("carrier-flaky"),
            slow: told("carrier-slow"),
            twice: told("carrier-twice"),
            silent: told("carrier-silent") || told("carrier-refuses-recall"),
            refuses_recall: told("carrier-refuses-recall"),
        }
    }
}
