//! The Order service on Lambda: takes orders, and knows when they end.
//!
//! Beside the variables of [`chorus_aws::run`], `ORDER_ID_SECRET` is what the ids of new orders are
//! derived with, and `CURRENCY` what prices are in.

use std::process::ExitCode;

use chorus_aws::parsed;

fn main() -> ExitCode {
    chorus_aws::run(|_| {
        let id_secret = parsed("ORDER_ID_SECRET", "of at least 16 bytes")?;
        Ok(chorus_order::function(id_secret, parsed("CURRENCY", "a code of ISO 4217")?))
    })
}
