//! The charges and parcels that no order of the active region explains.

use std::collections::{BTreeMap, BTreeSet};

use chorus_delivery::{CarrierCallback, Delivery, Status};
use chorus_events::OrderId;
use chorus_kernel::{Entity, Failure, Item, entity_key, text};
use chorus_payment::{ListedIntent, Refund};

use super::order::ids_of_streams;

/// What the active region knows of its orders and of their parcels. Read these items after the
/// partners' lists: otherwise, an order that is placed in between counts as unknown.
#[derive(Debug)]
pub struct ActiveItems {
    /// All items of Order's table.
    pub orders: Vec<Item>,
    /// All items of Delivery's table.
    pub deliveries: Vec<Item>,
    /// All items of [`chorus_delivery::CARRIER_WAIT_TABLE`].
    pub callbacks: Vec<Item>,
}

/// The charges and parcels that the failed region requested and that do not fit the orders of the
/// active region.
#[derive(Debug, Clone, Default)]
pub struct Unmatched {
    /// The refunds of charges for unknown orders, and the cancellations of intents that may still
    /// charge.
    pub refunds: Vec<Refund>,
    /// The known orders to cancel: only the failed region handed in their parcels to the carrier,
    /// so the active region would not recall such a parcel after a later cancellation.
    pub cancels: BTreeSet<OrderId>,
    /// The orders whose parcels have to be recalled: unknown orders, and those in `cancels`.
    pub recalls: BTreeSet<OrderId>,
}

impl Unmatched {
    /// Compares the partners' lists with the items of the active region.
    ///
    /// # Errors
    /// If a stored delivery cannot be read.
    pub fn among(
        intents: &[ListedIntent],
        parcels: &BTreeSet<OrderId>,
        active: &ActiveItems,
    ) -> Result<Self, Failure> {
        let known: BTreeSet<OrderId> = ids_of_streams(&active.orders).collect();
        let mut unmatched = Self::unknown(intents, parcels, &known);
        let mut statuses = BTreeMap::new();
        for item in &active.deliveries {
            if text(item, "sk") == Some(Delivery::KIND) {
                let delivery: Delivery = serde_dynamo::from_item(item.clone())
                    .map_err(|error| Failure::corrupt("delivery", &error))?;
                statuses.insert(delivery.order_id, delivery.status);
            }
        }
        let callbacks: BTreeSet<&str> =
            active.callbacks.iter().filter_map(|item| text(item, "pk")).collect();
        let is_handed_in = |id: &OrderId| {
            let callback = entity_key::<CarrierCallback>(&CarrierCallback::handle(id));
            callbacks.contains(&*callback.pk)
                || matches!(statuses.get(id), Some(Status::Started | Status::Delivered))
        };
        let parcels = parcels.intersection(&known);
        unmatched.cancels = parcels.filter(|id| !is_handed_in(id)).cloned().collect();
        unmatched.recalls.extend(unmatched.cancels.iter().cloned());
        Ok(unmatched)
    }

    /// The charges and parcels of orders that are not in `known`.
    pub(super) fn unknown(
        intents: &[ListedIntent],
        parcels: &BTreeSet<OrderId>,
        known: &BTreeSet<OrderId>,
    ) -> Self {
        let unknown = intents.iter().filter(|it| !known.contains(&it.order_id));
        let refunds = unknown.filter(|it| !it.is_over()).map(ListedIntent::refund).collect();
        let recalls = parcels.difference(known).cloned().collect();
        Self { refunds, cancels: BTreeSet::new(), recalls }
    }

    /// The orders that have a charge or a parcel to undo.
    pub fn ids(&self) -> impl Iterator<Item = OrderId> {
        let refunded = self.refunds.iter().map(|refund| &refund.order_id);
        refunded.chain(&self.recalls).cloned()
    }
}
