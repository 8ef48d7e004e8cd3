//! A secret that a function reads from Secrets Manager at the first use. A later use reads the
//! secret again if the last read was more than five minutes ago.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chorus_kernel::{Failure, Secret};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::{StartError, StoredSecret, sdk_config, variable};

/// How long a function uses a secret before reading the secret again. If Secrets Manager then does
/// not answer, the function continues to use the version that it read last.
const CACHE_TIME: Duration = Duration::from_secs(5 * 60);

/// The secret whose ARN or name is in the environment variable `name`. The secret is read when it
/// is first used.
///
/// # Errors
/// If the variable is not set.
pub fn secret_named_by<T>(name: &'static str) -> Result<Arc<dyn Secret<T>>, StartError>
where
    T: FromStr<Err: fmt::Display> + Clone + Send + 'static,
{
    let id = variable(name).ok_or(StartError::Missing(name))?;
    let stored = StoredSecret::new(&sdk_config(), id);
    Ok(Arc::new(RunTimeSecret { stored, kept: Kept::default() }))
}

/// A secret of Secrets Manager, and the value that was last read.
struct RunTimeSecret<T> {
    stored: StoredSecret,
    kept: Kept<T>,
}

impl<T> fmt::Debug for RunTimeSecret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunTimeSecret").field(&self.stored).finish()
    }
}

#[async_trait]
impl<T> Secret<T> for RunTimeSecret<T>
where
    T: FromStr<Err: fmt::Display> + Clone + Send,
{
    async fn read(&self) -> Result<T, Failure> {
        let read = async || {
            let text = self.stored.current().await.map_err(|error| error.to_string())?;
            text.parse().map_err(|error: T::Err| error.to_string())
        };
        self.kept.get(read).await
    }
}

/// A value that is read again after [`CACHE_TIME`].
struct Kept<T>(Mutex<Option<(T, Instant)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Kept<T> {
    /// The value that was read in the last five minutes, or else the value that `read` returns. If
    /// `read` fails, the earlier value stays in use for five more minutes.
    async fn get(&self, read: impl AsyncFnOnce() -> Result<T, String>) -> Result<T, Failure> {
        let mut kept = self.0.lock().await;
        if let Some((value, read_at)) = &*kept
            && read_at.elapsed() < CACHE_TIME
        {
            return Ok(value.clone());
        }
        let value = match (read().await, kept.take()) {
            (Ok(value), _) => value,
            (Err(error), Some((value, _))) => {
                tracing::warn!(
                    error,
                    "a secret cannot be read again; the value that was read last is used"
                );
                value
            }
            (Err(error), None) => {
                tracing::error!(error, "a secret cannot be read");
                return Err(Failure::later("NoSecret", "a secret cannot be read now; see the log"));
            }
        };
        *kept = Some((value.clone(), Instant::now()));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that `kept` returns if Secrets Manager answers with the result `stored`.
    async fn got(kept: &Kept<String>, stored: Result<&str, &str>) -> Option<String> {
        let read = async || stored.map(ToOwned::to_owned).map_err(ToOwned::to_owned);
        match kept.get(read).await {
            Ok(text) => Some(text),
            Err(failure) => {
                assert!(failure.is_retryable(), "{failure}");
                None
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_is_read_once_in_five_minutes_and_a_new_one_is_in_use_after_that() {
        let kept = Kept::default();
        assert_eq!(got(&kept, Ok("old")).await.as_deref(), Some("old"));
        tokio::time::advance(CACHE_TIME - Duration::from_secs(1)).await;
        assert_eq!(got(&kept, Ok("new")).await.as_deref(), Some("old"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(got(&kept, Ok("new")).await.as_deref(), Some("new"));
    }

    #[tokio::test(start_paused = true)]
    async fn the_earlier_secret_is_used_while_none_can_be_read_and_the_first_is_waited_for() {
        let kept = Kept::default();
        assert_eq!(got(&kept, Err("it does not answer")).await, None);
        assert_eq!(got(&kept, Ok("the first")).await.as_deref(), Some("the first"));
        tokio::time::advance(2 * CACHE_TIME).await;
        assert_eq!(got(&kept, Err("it does not answer")).await.as_deref(), Some("the first"));
        tokio::time::advance(CACHE_TIME).await;
        assert_eq!(got(&kept, Ok("the second")).await.as_deref(), Some("the second"));
    }
}
