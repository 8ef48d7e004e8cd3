//! The services of the shop, listed once.

chorus_table::services! {
    /// Takes orders, and knows when they end.
    ORDER: "order", "Order", "com.orders";
    /// Knows items, their prices and their stock.
    INVENTORY: "inventory", "Inventory", "com.inventory";
    /// Knows customers.
    CUSTOMER: "customer", "Customer", "com.customers";
    /// Plans and follows deliveries.
    DELIVERY: "delivery", "Delivery", "com.delivery";
    /// Charges and refunds.
    PAYMENT: "payment", "Payment", "com.payments";
    /// Writes to customers and operators.
    NOTIFICATION: "notification", "Notification", "com.notifications";
    /// Has a person review high-value orders.
    FRAUD: "fraud", "Fraud", "com.fraud";
    /// Declares what leaves the country.
    CUSTOMS: "customs", "Customs", "com.customs";
    /// Counts.
    ANALYTICS: "analytics", "Analytics", "com.analytics";
    /// Remembers every event.
    EVENT_LOG: "event-log", "Event log", "com.event-log";
    /// Tells the shop's own front end how orders proceed.
    STOREFRONT: "storefront", "Storefront", "com.storefront";
    /// Publishes what other accounts may know of orders.
    ENTERPRISE: "enterprise", "Enterprise", "com.example.shop";
}
