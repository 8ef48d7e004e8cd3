//! Turns a panic, or the end of the invocation's time, into a failure, so that the process
//! continues to run.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use chorus_kernel::Failure;
use tokio::time::{Instant, timeout_at};

/// Runs `work`. Returns a retryable failure if `work` panics or reaches the deadline.
///
/// At the deadline, `work` is dropped, and it is unknown whether `work` took effect. A retry is
/// safe in either case, because a repeated message takes effect once.
pub(super) async fn guard<T>(
    give_up_at: Instant,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    if Instant::now() >= give_up_at {
        return Err(too_late());
    }
    timeout_at(give_up_at, caught(work)).await.unwrap_or_else(|_| Err(too_late()))
}

async fn caught<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(|context| {
        // Of all that `work` had borrowed, only the clients are used again after a panic, and locks
        // protect the clients' state.
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_| std::task::Poll::Ready(Err(panicked())))
    })
    .await
}

fn too_late() -> Failure {
    Failure::later("DeadlineExceeded", "the function reached its time limit")
}

fn panicked() -> Failure {
    Failure::later("Panicked", "the function panicked; the log names the line of code")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_is_given_up_at_the_deadline_and_not_begun_after_it() {
        let deadline = Instant::now() + Duration::from_millis(5);
        let endless = guard(deadline, std::future::pending::<Result<(), Failure>>()).await;
        assert_eq!(endless.unwrap_err().code(), "DeadlineExceeded");
        let mut begun = false;
        let late = async {
            begun = true;
            Ok(())
        };
        assert!(guard(deadline, late).await.unwrap_err().is_retryable());
        assert!(!begun);
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_of_its_own_invocation_only() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let panics =
            async { if deadline > Instant::now() { panic!("on purpose") } else { Ok(()) } };
        assert_eq!(guard(deadline, panics).await.unwrap_err().code(), "Panicked");
        assert_eq!(guard(deadline, async { Ok(1) }).await.unwrap(), 1);
    }
}
