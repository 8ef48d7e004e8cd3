//! The archive deletes events after their retention period.
#![allow(clippy::unwrap_used)]

mod harness;

use chorus_test_table::TABLE;
use std::time::Duration;

use chorus_kernel::Publisher;
use chorus_local::{FORGET, Local, LocalConfig, VirtualClock, Work};
use harness::{always, entry, function};
use jiff::Timestamp;

async fn archived(shop: &Local) -> usize {
    shop.archive(Timestamp::MIN, Timestamp::MAX, 0).await.unwrap().len()
}

async fn forget(shop: &Local) {
    for work in shop.bus().take_due(10) {
        shop.dispatcher().perform(&work, shop.bus().topology(), shop.kernel()).await;
        if let Work::Job(job) = work {
            shop.bus().finish(job);
        }
    }
}

#[tokio::test]
async fn events_are_kept_for_as_long_as_they_should_be_and_no_longer() {
    for directory in [None, Some(tempfile::tempdir().unwrap())] {
        let clock = VirtualClock::at(Timestamp::from_second(1_000_000).unwrap());
        let mut config =
            LocalConfig::new(&TABLE, vec![function("CountOrder", always).0]).virtual_time(&clock);
        config.data = directory.as_ref().map(|directory| directory.path().to_owned());
        let shop = Local::open(config).unwrap();
        // No rule matches this event, so no delivery keeps it in the archive.
        shop.bus().put_events(&[entry("PaymentMade", "a", 1)]).await.unwrap();
        clock.advance(Duration::from_secs(13 * 86_400));
        shop.bus().put_events(&[entry("OrderCreated", "a", 2)]).await.unwrap();
        forget(&shop).await;
        assert_eq!(archived(&shop).await, 2, "{FORGET} leaves what is younger than 14 days");
        clock.advance(Duration::from_secs(2 * 86_400));
        forget(&shop).await;
        assert_eq!(archived(&shop).await, 1);
    }
}
