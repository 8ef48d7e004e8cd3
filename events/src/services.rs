//! The services of the shop, listed once.

chorus_table::services! {
    /// Accepts orders, and records how they end.
    ORDER: "order", "Order", "com.orders";
    /// Stores items, their prices and their stock.
    INVENTORY: "inventory", "Inventory", "com.inventory";
    /// Stores customers.
    CUSTOMER: "customer", "Customer", "com.customers";
    /// Plans deliveries, and follows each delivery until the parcel has arrived or is canceled.
    DELIVERY: "delivery", "Delivery", "com.delivery";
    /// Charges and refunds orders.
    PAYMENT: "payment", "Payment", "com.payments";
    /// Sends emails to customers and operators.
    NOTIFICATION: "notification", "Notification", "com.notifications";
    /// Asks a person to review high-value orders.
    FRAUD: "fraud", "Fraud", "com.fraud";
    /// Prepares customs declarations.
    CUSTOMS: "customs", "Customs", "com.customs";
    /// Counts orders, and adds up their totals.
    ANALYTICS: "analytics", "Analytics", "com.analytics";
    /// Stores every event.
    EVENT_LOG: "event-log", "Event log", "com.event-log";
    /// Sends updates about orders to the shop's own front end.
    STOREFRONT: "storefront", "Storefront", "com.storefront";
    /// Publishes the events about orders that other AWS accounts may subscribe to.
    ENTERPRISE: "enterprise", "Enterprise", "com.example.shop";
}
