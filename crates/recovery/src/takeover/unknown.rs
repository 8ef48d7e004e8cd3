//! The charges and parcels of orders that the active region does not know.

use std::collections::BTreeSet;

use chorus_events::OrderId;
use chorus_kernel::Item;
use chorus_payment::{ListedIntent, Refund};

use super::order::ids_of_streams;

/// What has to be undone at the partners for orders that the active region does not know.
#[derive(Debug, Clone, Default)]
pub struct UnknownOrders {
    /// The refunds of charges, and the cancellations of intents that may still charge.
    pub refunds: Vec<Refund>,
    /// The orders whose parcels have to be recalled.
    pub recalls: BTreeSet<OrderId>,
}

impl UnknownOrders {
    /// Compares the partners' lists with all items of Order's table in the active region. Read the
    /// lists before the items: otherwise, an order that is placed in between counts as unknown.
    #[must_use]
    pub fn among(intents: &[ListedIntent], parcels: &BTreeSet<OrderId>, items: &[Item]) -> Self {
        Self::of(intents, parcels, &ids_of_streams(items).collect())
    }

    /// Compares the partners' lists with the orders that are known.
    pub(super) fn of(
        intents: &[ListedIntent],
        parcels: &BTreeSet<OrderId>,
        known: &BTreeSet<OrderId>,
    ) -> Self {
        let unknown = intents.iter().filter(|it| !known.contains(&it.order_id));
        let refunds = unknown.filter(|it| !it.is_over()).map(ListedIntent::refund).collect();
        Self { refunds, recalls: parcels.difference(known).cloned().collect() }
    }

    /// The orders that have a charge or a parcel to undo.
    pub fn ids(&self) -> impl Iterator<Item = OrderId> {
        let refunded = self.refunds.iter().map(|refund| &refund.order_id);
        refunded.chain(&self.recalls).cloned()
    }
}
