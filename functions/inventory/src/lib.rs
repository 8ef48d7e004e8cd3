//! Inventory: items, their prices, and their stock. An order reserves all of its lines or none.
//! Pieces that were reserved or removed for a canceled order are returned to the stock, whatever
//! the sequence in which the events arrive.

mod api;
mod describe_item;
mod item;
mod list;
mod put_item;
mod receive_stock;
mod remove_item;
mod reservation;
mod reserve_item;
mod unreserve_or_return_item;

pub use item::Item;
pub use reservation::{Reservation, Status};

use chorus_events::{Currency, services};
use chorus_http::HttpFunction;
use chorus_kernel::{Function, TableSpec};

/// Items, and one reservation for each order.
pub const TABLE: TableSpec = TableSpec { name: "inventory", indexes: &[item::BY_NAME], ttl: None };

/// Builds the service; prices are in `currency`.
#[must_use]
pub fn function(currency: Currency) -> HttpFunction {
    let function = Function::of(services::INVENTORY)
        .table(TABLE)
        .action(put_item::PutItem)
        .action(receive_stock::ReceiveStock)
        .action(reserve_item::ReserveItem)
        .action(describe_item::DescribeItem)
        .action(remove_item::RemoveItem)
        .action(unreserve_or_return_item::UnreserveOrReturnItem);
    HttpFunction::new(
        function,
        [
            api::put_item(currency),
            api::get_item(currency),
            api::list_items(currency),
            api::receive_stock(currency),
        ],
    )
}
