//! The carrier's behaviour towards a parcel, selected by the customer's id.

use chorus_events::CustomerId;

/// The ways in which the carrier deviates from normal delivery.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// The carrier picks the parcel up, but does not deliver it.
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
        let has_word = |word| customer_id.as_str().contains(word);
        Self {
            cancels: has_word("carrier-cancels"),
            down: has_word("carrier-down"),
            flaky: has_word("carrier-flaky"),
            slow: has_word("carrier-slow"),
            twice: has_word("carrier-twice"),
            silent: has_word("carrier-silent") || has_word("carrier-refuses-recall"),
            refuses_recall: has_word("carrier-refuses-recall"),
        }
    }
}
