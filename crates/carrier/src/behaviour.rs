//! What the carrier will do with a parcel, selected by its customer's id.

use chorus_events::CustomerId;

/// What the carrier will do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Behaviour {
    /// It gives up after it picked the parcel up.
    pub(crate) cancels: bool,
    pub(crate) down: bool,
    /// It answers the third request.
    pub(crate) flaky: bool,
    pub(crate) slow: bool,
    pub(crate) twice: bool,
    pub(crate) silent: bool,
    /// It refuses the first recall of a parcel.
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
