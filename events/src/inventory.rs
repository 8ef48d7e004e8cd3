//! Events of the Inventory service.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use chorus_table::{Owner, event};

use crate::{
    Capture, CustomerId, Line, Money, OrderId, PaymentMethod, Quantity, ShippingAddress, Sku,
    Terms, samples, services,
};

const INVENTORY: Owner = Owner::Service(services::INVENTORY);

/// A line of an order, with the item's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DescribedLine {
    /// The id of the item.
    pub sku: Sku,
    /// The item's name.
    pub name: String,
    /// The number of pieces.
    pub quantity: Quantity,
}

/// An order line that cannot be reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MissingLine {
    /// The id of the item.
    pub sku: Sku,
    /// How many pieces were ordered; absent in an event of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<u32>,
    /// How many pieces were available; absent in an event of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<u32>,
}

impl MissingLine {
    /// Returns a line of an event of version 1. Such a line has only the item's id.
    const fn of_version_1(sku: Sku) -> Self {
        Self { sku, ordered: None, available: None }
    }
}

event! {
    /// An item is for sale at this price; `listing` numbers the listings of one item, from 1.
    ItemListed: INVENTORY, Step, about sku, {
        sku: Sku = samples::sku(),
        name: String = "Chai".to_owned(),
        price: Money = samples::unit_price(),
        listing: u64 = 1,
    }
}

event! {
    /// All lines of an order were reserved.
    ItemReserved: INVENTORY, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        lines: Vec<Line> = samples::lines(),
        total: Money = samples::total(),
        shipping_address: ShippingAddress = samples::address(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method: Option<PaymentMethod> = Some(samples::payment_method()),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::total()),
    }
}

event! {
    /// At least one line of an order cannot be reserved, so no line is reserved.
    ItemNotAvailable: INVENTORY, Failure, about order_id, version 2, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        missing: Vec<MissingLine> = samples::missing_lines(),
        reason: String = "not in stock: chai".to_owned(),
    }
    before {
        /// Version 1 named only the items that cannot be reserved.
        1 as ItemNotAvailableV1 published {
            order_id: OrderId = samples::order_id(),
            customer_id: CustomerId = samples::customer_id(),
            missing: Vec<Sku> = vec![samples::sku()],
            reason: String = "not in stock: chai".to_owned(),
        }
        upcast |old| ItemNotAvailable {
            missing: old.missing.into_iter().map(MissingLine::of_version_1).collect(),
            order_id: old.order_id,
            customer_id: old.customer_id,
            reason: old.reason,
        };
        downcast |new| Some(ItemNotAvailableV1 {
            order_id: new.order_id.clone(),
            customer_id: new.customer_id.clone(),
            missing: new.missing.iter().map(|line| line.sku.clone()).collect(),
            reason: new.reason.clone(),
        });
    }
}

event! {
    /// The names of an order's items are known.
    ItemDescribed: INVENTORY, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        customer_id: CustomerId = samples::customer_id(),
        lines: Vec<DescribedLine> = samples::described_lines(),
        total: Money = samples::total(),
        shipping_address: ShippingAddress = samples::address(),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_method: Option<PaymentMethod> = Some(samples::payment_method()),
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms> = samples::terms(samples::total()),
    }
}

event! {
    /// An item of an order is no longer sold.
    ErrorItemDescribed: INVENTORY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "chai is discontinued".to_owned(),
    }
}

event! {
    /// The items of an order were removed from the stock.
    ItemRemoved: INVENTORY, Step, about order_id, {
        order_id: OrderId = samples::order_id(),
        lines: Vec<Line> = samples::lines(),
        /// `due` if the order is charged only when the parcel leaves; absent if it was charged at
        /// once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        capture: Option<Capture> = None,
    } also [{ capture: Some(Capture::Due) }]
}

event! {
    /// The items of an order cannot be removed from the stock, because no pieces are reserved for
    /// the order.
    ErrorItemRemoved: INVENTORY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "nothing is reserved for this order".to_owned(),
    }
}

event! {
    /// The reserved pieces of a canceled order are available again.
    ItemUnreserved: INVENTORY, Terminal, about order_id, {
        order_id: OrderId = samples::order_id(),
        lines: Vec<Line> = samples::lines(),
    }
}

event! {
    /// The removed pieces of a canceled order are available again.
    ItemReturned: INVENTORY, Terminal, about order_id, {
        order_id: OrderId = samples::order_id(),
        lines: Vec<Line> = samples::lines(),
    }
}

event! {
    /// A reservation could not be released; an operator has to correct the item's stock.
    ErrorItemUnreserved: INVENTORY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "no item is called chai".to_owned(),
    }
}

event! {
    /// Removed pieces could not be returned to the stock; an operator has to correct the item's
    /// stock.
    ErrorItemReturned: INVENTORY, Failure, about order_id, {
        order_id: OrderId = samples::order_id(),
        reason: String = "no item is called chai".to_owned(),
    }
}
