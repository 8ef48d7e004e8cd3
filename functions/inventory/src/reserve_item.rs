//! Reserves the pieces that an order needs: for all of its lines, or for none.

use chorus_events::Terms;
use chorus_events::inventory::{ItemNotAvailable, ItemReserved, MissingLine};
use chorus_events::order::OrderCreated;
use chorus_events::table::rows::{self, ReserveItemInput, ReserveItemOutput};
use chorus_kernel::{Action, ActionError, Context, Decision, create};

use crate::reservation::{ReservationAndItems, ReservationAndItemsKeys};
use crate::{Item, Reservation, Status};

pub(crate) struct ReserveItem;

impl Action for ReserveItem {
    type Row = rows::ReserveItem;
    type State = ReservationAndItems;

    fn keys(
        &self,
        ReserveItemInput::OrderCreated(order): &ReserveItemInput,
    ) -> ReservationAndItemsKeys {
        ReservationAndItemsKeys::of(&order.order_id, &order.lines)
    }

    fn decide(
        &self,
        ReserveItemInput::OrderCreated(order): &ReserveItemInput,
        state: &Self::State,
        _: &Context<'_>,
    ) -> Result<Decision<ReserveItemOutput>, ActionError> {
        if state.reservation.is_some() {
            return Ok(Decision::nothing("the order was reserved or canceled before"));
        }
        let mut missing = Vec::new();
        for (pieces, item) in state.items.iter() {
            let available = item.map_or(0, |item| item.available);
            if i64::from(available) < pieces.count {
                missing.push(MissingLine {
                    sku: pieces.sku.clone(),
                    ordered: u32::try_from(pieces.count).ok(),
                    available: Some(available),
                });
            }
        }
        if missing.is_empty() {
            return Ok(reserve(order));
        }
        let names: Vec<&str> = missing.iter().map(|line| line.sku.as_str()).collect();
        Ok(Decision::emit(ItemNotAvailable {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            reason: format!("not in stock: {}", names.join(", ")),
            missing,
        }))
    }
}

/// Reserves all lines. The write to each item checks `available >= pieces`, so that concurrent
/// orders of one item need no retries.
fn reserve(order: &OrderCreated) -> Decision<ReserveItemOutput> {
    let reservation = Reservation {
        order_id: order.order_id.clone(),
        status: Status::Reserved,
        lines: order.lines.clone(),
    };
    Decision::emit(ItemReserved {
        order_id: order.order_id.clone(),
        customer_id: order.customer_id.clone(),
        lines: order.lines.clone(),
        total: order.total,
        shipping_address: order.shipping_address.clone(),
        payment_method: order.payment_method.clone(),
        terms: Terms::unless_implied(order.terms, order.total, &order.country),
    })
    .with(create(&reservation))
    .with_all(reservation.move_pieces(Item::AVAILABLE, Item::RESERVED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::sample;
    use chorus_events::samples;
    use chorus_kernel::add;
    use chorus_kernel::testing::{Stored, decide};
    use chorus_table::Event;

    fn decided(stored: &Stored) -> Decision<ReserveItemOutput> {
        decide(&ReserveItem, OrderCreated::sample(), stored).unwrap()
    }

    #[test]
    fn what_is_available_is_reserved_for_the_order() {
        let decision = decided(&Stored::default().with(1, &sample(3)));
        assert!(matches!(decision.events(), [ReserveItemOutput::ItemReserved(_)]));
        let (order_id, lines) = (samples::order_id(), samples::lines());
        let reservation = Reservation { order_id, status: Status::Reserved, lines };
        let moved = add(&samples::sku(), &[(Item::AVAILABLE, -3), (Item::RESERVED, 3)]);
        assert_eq!(decision.changes(), [create(&reservation), moved]);
    }

    #[test]
    fn an_order_for_more_than_is_available_reserves_nothing() {
        let decision = decided(&Stored::default().with(1, &sample(2)));
        let [ReserveItemOutput::ItemNotAvailable(refused)] = decision.events() else {
            panic!("{:?}", decision.events())
        };
        let missing = MissingLine { sku: samples::sku(), ordered: Some(3), available: Some(2) };
        assert_eq!(refused.missing, [missing]);
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn a_cancellation_that_overtook_the_order_keeps_it_from_reserving() {
        let order_id = OrderCreated::sample().order_id;
        let tombstone = Reservation { order_id, status: Status::Released, lines: Vec::new() };
        let decision = decided(&Stored::default().with(1, &sample(3)).with(1, &tombstone));
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
