//! The partners of the shop: who stands outside and is called, or calls back.

use chorus_table::Partner;

/// Fetches parcels and delivers them. The bus calls it; it answers by signed webhooks.
pub const CARRIER: Partner = Partner { name: "carrier", source: "com.logistics" };
