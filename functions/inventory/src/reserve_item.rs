//! Sets aside what an order needs: all of its lines, or none.

use chorus_events::inventory::{ItemNotAvailable, ItemReserved};
use chorus_events::order::OrderCreated;
use chorus_events::table::rows::{self, ReserveItemInput, ReserveItemOutput};
use chorus_kernel::{Action, Decision, Given, Loaded, Read, Refusal, create};

use crate::reservation::pieces;
use crate::{Item, Reservation, Status};

/// The row, in code.
#[derive(Debug)]
pub(crate) struct ReserveItem;

impl Action for ReserveItem {
    type Row = rows::ReserveItem;

    fn reads(&self, ReserveItemInput::OrderCreated(order): &ReserveItemInput) -> Vec<Read> {
        let items = pieces(&order.lines).into_keys().map(Read::entity::<Item>);
        std::iter::once(Read::entity::<Reservation>(&order.order_id)).chain(items).collect()
    }

    fn decide(
        &self,
        given: &Given<'_, ReserveItemInput>,
        loaded: &Loaded,
    ) -> Result<Decision<ReserveItemOutput>, Refusal> {
        let ReserveItemInput::OrderCreated(order) = given.input;
        if loaded.entity::<Reservation>(&order.order_id)?.is_some() {
            return Ok(Decision::nothing("the order was reserved or canceled before"));
        }
        let mut missing = Vec::new();
        for (sku, pieces) in pieces(&order.lines) {
            let item = loaded.entity::<Item>(sku)?;
            if item.is_none_or(|item| i64::from(item.available) < pieces) {
                missing.push(sku.clone());
            }
        }
        if missing.is_empty() {
            return Ok(reserve(order));
        }
        let names: Vec<&str> = missing.iter().map(chorus_events::Sku::as_str).collect();
        Ok(Decision::emit(ItemNotAvailable {
            order_id: order.order_id.clone(),
            customer_id: order.customer_id.clone(),
            reason: format!("not in stock: {}", names.join(", ")),
            missing,
        }))
    }
}

/// The bound `available >= pieces` stands in the write itself: a hot item needs no retry loop.
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
    })
    .with(create(&reservation))
    .with_all(reservation.move_pieces("available", "reserved"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::sample;
    use chorus_kernel::testing::decide;
    use chorus_table::Event;

    #[test]
    fn what_is_available_is_reserved_for_the_order() {
        let loaded = Loaded::default().with(1, &sample(3));
        let decision = decide(&ReserveItem, OrderCreated::sample(), &loaded).unwrap();
        assert!(matches!(decision.events(), [ReserveItemOutput::ItemReserved(_)]));
        assert_eq!(decision.changes().len(), 2);
    }

    #[test]
    fn an_order_for_more_than_is_available_reserves_nothing() {
        let loaded = Loaded::default().with(1, &sample(2));
        let decision = decide(&ReserveItem, OrderCreated::sample(), &loaded).unwrap();
        assert!(matches!(decision.events(), [ReserveItemOutput::ItemNotAvailable(_)]));
        assert!(decision.changes().is_empty());
    }

    #[test]
    fn a_cancellation_that_overtook_the_order_keeps_it_from_reserving() {
        let order_id = OrderCreated::sample().order_id;
        let tombstone = Reservation { order_id, status: Status::Released, lines: Vec::new() };
        let loaded = Loaded::default().with(1, &sample(3)).with(1, &tombstone);
        let decision = decide(&ReserveItem, OrderCreated::sample(), &loaded).unwrap();
        assert!(decision.events().is_empty() && decision.changes().is_empty());
    }
}
