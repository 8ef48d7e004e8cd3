//! Measures the memory of a process with many orders in flight: first when all orders are placed,
//! then when all parcels are at the carrier. The data is on disk, so that only the engine's memory
//! counts. The measurement runs twice, so that leaked memory shows as growth in the second run.

use std::time::Duration;

use anyhow::Context;

use crate::harness::Harness;
use crate::{CUSTOMER, Size, row};

pub(crate) async fn in_flight(size: Size) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let harness = Harness::open(Some(directory.path()), &[CUSTOMER], |store| store).await?;
    let orders = size.in_flight;
    let before = status("VmRSS")?;
    let show = |moment: String, now: f64| {
        row(&moment, &format!("{now:.0} MiB"), &format!("{:.2}x", now / before));
    };
    show(format!("memory before {orders} orders"), before);
    for wave in 0..2 {
        harness.move_parcels(false);
        harness.place(wave * orders..(wave + 1) * orders, |_| CUSTOMER).await?;
        show(format!("  wave {}: all placed", wave + 1), status("VmRSS")?);
        harness.run_until_delivered(wave * orders).await?;
        show(format!("  wave {}: all at the carrier", wave + 1), status("VmRSS")?);
        harness.move_parcels(true);
        harness.run_until_delivered((wave + 1) * orders).await?;
        show(format!("  wave {}: all delivered", wave + 1), status("VmRSS")?);
        show(format!("  wave {}: the peak so far", wave + 1), status("VmHWM")?);
    }
    Ok(harness.local.runner().shutdown(Duration::from_secs(10)).await?)
}

/// Reads a value of `/proc/self/status`, in MiB.
fn status(name: &str) -> anyhow::Result<f64> {
    let account = std::fs::read_to_string("/proc/self/status")
        .context("/proc/self/status cannot be read: this measurement needs Linux")?;
    let line = account.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .context("/proc/self/status must have the lines VmRSS and VmHWM")?;
    Ok(kib.parse::<f64>()? / 1_024.0)
}
