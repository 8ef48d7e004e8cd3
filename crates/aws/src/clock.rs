//! Implements the kernel's clock with the system's time.

use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::Clock;
use jiff::Timestamp;

/// The system's clock with tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
