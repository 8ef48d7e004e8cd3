//! Clocks: the system's, and one that a test or a simulation advances.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::Clock;
use jiff::Timestamp;

use crate::engine::later;

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

/// A clock that is advanced by its owner. Sleeping tasks wake in the order of their wake-up times.
/// No async runtime is needed. All clones show the same time.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<Mutex<ClockState>>);

#[derive(Debug)]
struct ClockState {
    now: Timestamp,
    next: u64,
    sleepers: BTreeMap<(Timestamp, u64), Option<Waker>>,
}

impl VirtualClock {
    /// A clock that shows `now` until it is advanced.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(ClockState { now, next: 0, sleepers: BTreeMap::new() })))
    }

    /// Advances the time to `instant`, and wakes the tasks that sleep until `instant` or earlier.
    /// An `instant` in the past changes nothing.
    pub fn advance_to(&self, instant: Timestamp) {
        let mut state = self.state();
        state.now = state.now.max(instant);
        let now = state.now;
        let mut woken = Vec::new();
        while let Some(entry) = state.sleepers.first_entry().filter(|entry| entry.key().0 <= now) {
            woken.extend(entry.remove());
        }
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    pub fn advance(&self, duration: Duration) {
        let now = self.state().now;
        self.advance_to(later(now, duration));
    }

    /// Sets the time, forward or back, as when a system clock is corrected. This wakes no sleeping
    /// task.
    pub fn set(&self, instant: Timestamp) {
        self.state().now = instant;
    }

    /// When the next sleeping task wakes.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.state().sleepers.first_key_value().map(|((at, _), _)| *at)
    }

    fn add_sleeper(&self, duration: Duration) -> (Timestamp, u64) {
        let mut state = self.state();
        state.next += 1;
        let place = (later(state.now, duration), state.next);
        state.sleepers.insert(place, None);
        place
    }

    fn state(&self) -> MutexGuard<'_, ClockState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let place = self.add_sleeper(duration);
        Sleep { clock: self.clone(), place }.await;
    }
}

/// The future of a sleeping task. If the future is dropped, the clock forgets the task.
struct Sleep {
    clock: VirtualClock,
    place: (Timestamp, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.clock.state().sleepers.get_mut(&self.place) {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.state().sleepers.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_order_as_the_clock_is_advanced() {
        let clock = VirtualClock::at(Timestamp::UNIX_EPOCH);
        let order = Arc::new(Mutex::new(Vec::new()));
        let sleeper = |seconds: u64| {
            let (clock, order) = (clock.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                clock.sleep(Duration::from_secs(seconds)).await;
                order.lock().unwrap().push(seconds);
            })
        };
        let (late, early) = (sleeper(20), sleeper(10));
        tokio::task::yield_now().await;
        assert_eq!(clock.next_wake(), Some(later(clock.now(), Duration::from_secs(10))));
        clock.advance(Duration::from_secs(10));
        early.await.unwrap();
        assert_eq!(*order.lock().unwrap(), [10]);
        clock.advance(Duration::from_secs(10));
        late.await.unwrap();
        assert_eq!(*order.lock().unwrap(), [10, 20]);
        assert_eq!(clock.next_wake(), None);
    }
}
