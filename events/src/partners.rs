//! The partners of the shop: who stands outside and is called, or calls back.

use chorus_table::{CallBody, Partner};

/// Fetches parcels and delivers them. The bus calls it; it answers by signed webhooks.
pub const CARRIER: Partner =
    Partner { name: "carrier", source: "com.logistics", body: CallBody::Detail };

/// The shop's own front end. The bus posts signed updates of orders to it; it answers nothing.
pub const FRONT_END: Partner =
    Partner { name: "front-end", source: "com.front-end", body: CallBody::Data };
