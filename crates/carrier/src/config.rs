//! The carrier's settings.

use std::fmt;
use std::time::Duration;

use subtle::ConstantTimeEq;

/// The key that callers of the carrier's API send. It is never printed.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    #[must_use]
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Whether `given` is this key, compared in constant time. An empty key matches nothing.
    pub(crate) fn admits(&self, given: &str) -> bool {
        !self.0.is_empty() && bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// How fast the carrier is, and how it retries callbacks.
#[derive(Debug, Clone)]
pub struct CarrierConfig {
    /// The key that callers must send as `x-api-key`.
    pub api_key: ApiKey,
    /// The time from accepting a parcel to picking it up.
    pub pickup_after: Duration,
    /// The time from picking a parcel up to delivering it.
    pub delivery_after: Duration,
    /// The delay of a slow carrier's responses.
    pub slow_answer: Duration,
    /// The number of attempts after which the carrier stops sending a callback.
    pub attempts: u32,
    /// The pause after the first attempt. The pause doubles after each further attempt.
    pub backoff: Duration,
    /// The longest pause between two attempts.
    pub max_backoff: Duration,
}

impl CarrierConfig {
    /// A fast carrier: a pickup after 50 ms, the delivery after 150 ms more, and 12 attempts of a
    /// callback within about three minutes.
    #[must_use]
    pub fn new(api_key: ApiKey) -> Self {
        Self {
            api_key,
            pickup_after: Duration::from_millis(50),
            delivery_after: Duration::from_millis(150),
            slow_answer: Duration::from_secs(2),
            attempts: 12,
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
        }
    }

    /// The pause after attempt number `attempt`, counted from 1.
    pub(crate) fn wait_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.backoff.saturating_mul(doubled).min(self.max_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let config = CarrierConfig::new(ApiKey::new("key"));
        let waits: Vec<u128> = [1, 2, 3, 9, 10, 40, u32::MAX]
            .map(|attempt| config.wait_after(attempt).as_millis())
            .to_vec();
        assert_eq!(waits, [100, 200, 400, 25_600, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn only_the_key_itself_is_let_in_and_it_is_never_printed() {
        let key = ApiKey::new("a key");
        assert!(key.admits("a key") && !key.admits("a ke") && !key.admits(""));
        assert!(!ApiKey::new("").admits(""));
        assert_eq!(format!("{key:?}"), "ApiKey(..)");
    }
}
