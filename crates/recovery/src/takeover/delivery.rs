//! The deliveries of orders, and the carrier's callbacks for which the deliveries wait.

use chorus_delivery::{CarrierCallback, Delivery, Plan, Status};
use chorus_events::facts::{
    CustomerDescribed, Delivered, DeliveryCanceled, DeliveryEstimated, DeliveryMarkedAsStarted,
    ItemRemoved,
};
use chorus_events::inventory::DescribedLine;
use chorus_kernel::{Failure, Found, Kept, Store, Write, entity_key, load, save};
use chorus_order::Placed;
use chorus_table::Event;

use super::known::{OrderEvents, Progress, kinds};

/// Returns the writes that make an order's delivery and its carrier's callback fit the order's
/// events. The boolean tells whether the delivery has ended.
pub(super) async fn repair(
    store: &dyn Store,
    order: &Placed,
    events: &OrderEvents<'_>,
    known: Progress,
) -> Result<(Vec<Write>, bool), Failure> {
    let stored: Found<Delivery> = load(store, order.order_id.clone()).await?;
    let handle = CarrierCallback::handle(&order.order_id);
    let callback: Found<CarrierCallback> = load(store, handle.clone()).await?;
    let mut writes = Vec::new();
    let status = stored.as_ref().map(|it| it.value.status);
    let wanted = wanted(status, known);
    if wanted != status {
        writes.push(match wanted {
            Some(wanted) => save(
                stored.as_ref(),
                &delivery(stored.as_ref().map(|it| &it.value), order, events).now(wanted),
            ),
            None => Write::Delete { key: entity_key::<Delivery>(&order.order_id) },
        });
    }
    // If `DeliveryWasDelivered` arrived but `Delivered` did not, the callback is stored as open,
    // too: the carrier's call triggers the capture of an amount that the bank holds.
    let reported = known.delivery_canceled || events.has(kinds![Delivered, DeliveryCanceled]);
    if known.started && !reported && callback.as_ref().is_none_or(|it| !it.is_open()) {
        let removed = events.find::<ItemRemoved>();
        let due = known.held || removed.is_some_and(|(removed, _)| removed.capture.is_some());
        let note = due.then_some(chorus_delivery::CAPTURE_DUE);
        let kept = Kept { note, tenant: Some(order.customer_id.as_str()) };
        let open = CarrierCallback::of(order.order_id.clone(), "").keeping(kept);
        writes.push(save(callback.as_ref(), &open));
    } else if !known.started && !known.order_canceled && callback.is_some() {
        writes.push(Write::Delete { key: entity_key::<CarrierCallback>(&handle) });
    }
    let ended = matches!(wanted, Some(Status::Canceled | Status::Delivered));
    Ok((writes, ended))
}

fn wanted(status: Option<Status>, known: Progress) -> Option<Status> {
    match known {
        Progress { delivered: true, .. } => Some(Status::Delivered),
        Progress { delivery_canceled: true, .. } => Some(Status::Canceled),
        Progress { started: true, .. } => Some(Status::Started),
        // The delivery was canceled before it was started, so it stays canceled.
        Progress { order_canceled: true, .. } if status == Some(Status::Canceled) => status,
        Progress { estimated: true, .. } => Some(Status::Estimated),
        _ => None,
    }
}

/// Returns the stored delivery, or a new one. If the delivery has no plan, makes the plan from the
/// order and the order's known events.
fn delivery(stored: Option<&Delivery>, order: &Placed, events: &OrderEvents<'_>) -> Delivery {
    let order_id = order.order_id.clone();
    let mut delivery = stored.cloned().unwrap_or(Delivery {
        order_id,
        status: Status::Estimated,
        plan: None,
        reason: None,
        address_shown_at: None,
    });
    if delivery.plan.is_none() {
        delivery.plan = Some(plan(order, events));
    }
    delivery
}

fn plan(order: &Placed, events: &OrderEvents<'_>) -> Plan {
    if let Some((marked, _)) = events.find::<DeliveryMarkedAsStarted>() {
        let DeliveryMarkedAsStarted { customer_id, lines, shipping_address, deliver_by, .. } =
            marked;
        return Plan { customer_id, lines, shipping_address, deliver_by };
    }
    let estimated = events.find::<DeliveryEstimated>();
    let described = events.find::<CustomerDescribed>().map(|(described, _)| described.lines);
    let unnamed = || {
        let line = |line: &chorus_events::Line| DescribedLine {
            sku: line.sku.clone(),
            name: line.sku.to_string(),
            quantity: line.quantity,
        };
        order.lines.iter().map(line).collect()
    };
    Plan {
        customer_id: order.customer_id.clone(),
        lines: described.unwrap_or_else(unnamed),
        shipping_address: order.shipping_address.clone(),
        deliver_by: estimated.map_or(order.placed_at, |(estimated, _)| estimated.deliver_by),
    }
}
