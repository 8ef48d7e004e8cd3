//! A small design table for the tests of the embedded engine; the table depends on no application.
//! Its rows cover the ways in which the bus, a queue or a state machine starts an action.
#![allow(missing_docs, reason = "what an event says in a test is named by its fields")]

use chorus_table::{CallBody, Partner};

pub mod services {
    chorus_table::services! {
        /// Takes orders.
        ORDER: "order", "Order", "com.orders";
        /// Reserves items.
        INVENTORY: "inventory", "Inventory", "com.inventory";
        /// Charges orders.
        PAYMENT: "payment", "Payment", "com.payments";
        /// Hands parcels to the carrier.
        DELIVERY: "delivery", "Delivery", "com.delivery";
        /// Writes emails.
        NOTIFICATION: "notification", "Notification", "com.notifications";
        /// Counts orders.
        ANALYTICS: "analytics", "Analytics", "com.analytics";
    }
}

/// A partner that fetches parcels. The bus calls the partner's API.
pub const CARRIER: Partner =
    Partner { name: "carrier", source: "com.logistics", body: CallBody::Data };

pub mod facts {
    use super::services;
    use chorus_table::{Owner, event};

    const ORDER: Owner = Owner::Service(services::ORDER);
    const INVENTORY: Owner = Owner::Service(services::INVENTORY);
    const PAYMENT: Owner = Owner::Service(services::PAYMENT);
    const DELIVERY: Owner = Owner::Service(services::DELIVERY);

    fn order_id() -> String {
        "order-1".to_owned()
    }

    event! {
        /// An order was taken.
        OrderCreated: ORDER, Step, about order_id, {
            order_id: String = order_id(),
            customer_id: String = "ana".to_owned(),
        }
    }
    event! {
        /// The items of an order were reserved.
        ItemReserved: INVENTORY, Terminal, about order_id, { order_id: String = order_id(), }
    }
    event! {
        /// The delivery date of an order was estimated.
        DeliveryEstimated: DELIVERY, Step, about order_id, { order_id: String = order_id(), }
    }
    event! {
        /// An order was charged.
        PaymentMade: PAYMENT, Step, about order_id, { order_id: String = order_id(), }
    }
    event! {
        /// An order could not be charged.
        PaymentFailed: PAYMENT, Failure, about order_id, { order_id: String = order_id(), }
    }
    event! {
        /// A parcel is ready for the carrier.
        DeliveryMarkedAsStarted: DELIVERY, Step, about order_id, { order_id: String = order_id(), }
    }
    event! {
        /// The delivery of a parcel was canceled.
        DeliveryWasCanceled: DELIVERY, End, about order_id, { order_id: String = order_id(), }
    }
}

chorus_table::design_table! {
    /// Reserves the items of an order.
    ReserveItem: INVENTORY on [OrderCreated] => [ItemReserved]
        .records();

    /// Counts orders.
    CountOrder: ANALYTICS on [OrderCreated] => []
        .records();

    /// Starts the state machine that charges an order. This row gets its events from a queue.
    CollectPayment: PAYMENT on [DeliveryEstimated] => []
        .records().starts_machine().queued().gives_up_to(&RefusePayment);

    /// Asks a person whether an order may be charged, and stores the task token.
    AskReviewer: PAYMENT task_of CollectPayment [DeliveryEstimated] => []
        .records();

    /// Charges an order.
    MakePayment: PAYMENT task_of CollectPayment [DeliveryEstimated] => [PaymentMade]
        .records();

    /// Reports that an order could not be charged.
    RefusePayment: PAYMENT task_of CollectPayment [DeliveryEstimated] => [PaymentFailed]
        .final_step();

    /// Asks the carrier to fetch a parcel.
    StartDelivery: DELIVERY on [DeliveryMarkedAsStarted] => []
        .records().calls(CARRIER);

    /// Cancels the delivery of a parcel if the payment failed, or if the bus could not call the
    /// carrier.
    CancelDelivery: DELIVERY on [PaymentFailed] or_dead [DeliveryMarkedAsStarted] => [DeliveryWasCanceled]
        .final_step().dead_letters_of(&StartDelivery);

    /// Sends an email when an order is paid. This row gets its events from a queue.
    SendEmail: NOTIFICATION on [PaymentMade] => []
        .records().outside().queued();
}
