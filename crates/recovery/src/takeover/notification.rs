//! Restores lost recipients of orders' emails.

use chorus_kernel::{Failure, Found, Store, Write, create, load};
use chorus_notification::{Contact, Correspondence};
use chorus_order::Placed;

use super::known::Progress;

/// Returns the write that stores the recipient of an order's emails; `None` if the recipient is
/// stored, or if an event that names the customer is still to come. The email about
/// `DeliveryStarted` needs the stored recipient, because that event names no customer.
pub(super) async fn repair(
    store: &dyn Store,
    order: &Placed,
    known: Progress,
) -> Result<Option<Write>, Failure> {
    let stored: Found<Correspondence> = load(store, order.order_id.clone()).await?;
    if stored.is_some() || !known.removed {
        return Ok(None);
    }
    let contact: Found<Contact> = load(store, order.customer_id.clone()).await?;
    let unknown = || Contact::erased(order.customer_id.clone());
    let contact = contact.map_or_else(unknown, |it| it.value);
    Ok(Some(create(&Correspondence::with(&order.order_id, &contact))))
}
