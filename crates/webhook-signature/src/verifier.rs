//! Verifies received webhooks, and reads the secrets again every few minutes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{SecretSource, SecretUnavailable, SignatureError, Signed, WebhookSecrets};

/// How many seconds secrets are used before they are read again. A revoked secret is accepted for
/// at most this time after its revocation.
pub const KEPT_SECONDS: i64 = 5 * 60;

/// If a signature does not match, the verifier reads the secrets again, provided that it last read
/// them at least this many seconds ago. So a new secret is accepted soon, and bad signatures cause
/// at most one read in ten seconds.
const READ_AGAIN_AFTER_SECONDS: i64 = 10;

/// Why a webhook could not be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The webhook's signature is not valid.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The secrets cannot be read. The sender should send the webhook again later.
    #[error(transparent)]
    Secret(#[from] SecretUnavailable),
}

/// Verifies webhooks with secrets from a [`SecretSource`].
#[derive(Debug)]
pub struct Verifier {
    source: Arc<dyn SecretSource>,
    /// The secrets that were read last, and when they were read, in seconds since the Unix epoch.
    kept: Mutex<Option<(WebhookSecrets, i64)>>,
}

impl Verifier {
    #[must_use]
    pub fn new(source: Arc<dyn SecretSource>) -> Self {
        Self { source, kept: Mutex::new(None) }
    }

    /// Verifies a webhook at `now` (seconds since the Unix epoch).
    ///
    /// # Errors
    /// If the webhook is not valid, or the secrets cannot be read.
    pub async fn verify(&self, webhook: &Signed<'_>, now: i64) -> Result<(), Unverified> {
        let kept = self.kept().clone();
        let age = |read_at: i64| now.saturating_sub(read_at);
        let known = kept.filter(|(_, read_at)| (0..KEPT_SECONDS).contains(&age(*read_at)));
        if let Some((secrets, read_at)) = known {
            let verdict = webhook.verify(&secrets, now);
            let may_be_new = age(read_at) >= READ_AGAIN_AFTER_SECONDS;
            if verdict != Err(SignatureError::Mismatch) || !may_be_new {
                return Ok(verdict?);
            }
        }
        let secrets = self.source.read().await?;
        let verdict = webhook.verify(&secrets, now);
        *self.kept() = Some((secrets, now));
        Ok(verdict?)
    }

    fn kept(&self) -> MutexGuard<'_, Option<(WebhookSecrets, i64)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{WebhookSecret, headers};
    use async_trait::async_trait;

    const NOW: i64 = 1_795_171_620;

    /// A source whose secrets can be changed, and that counts how many times they are read.
    #[derive(Debug, Default)]
    struct Changing(Mutex<(Option<WebhookSecrets>, usize)>);

    #[async_trait]
    impl SecretSource for Changing {
        async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable> {
            let mut read = self.0.lock().unwrap();
            read.1 += 1;
            read.0.clone().ok_or_else(|| SecretUnavailable("it is away".to_owned()))
        }
    }

    impl Changing {
        fn set(&self, secrets: Option<WebhookSecret>) {
            self.0.lock().unwrap().0 = secrets.map(Into::into);
        }

        fn reads(&self) -> usize {
            self.0.lock().unwrap().1
        }
    }

    fn secret(text: &str) -> WebhookSecret {
        text.parse().unwrap()
    }

    async fn verified(by: &Verifier, secret: &WebhookSecret, now: i64) -> Result<(), Unverified> {
        let sent = headers(secret, "one", now, b"{}");
        let header =
            |name| sent.iter().find(|(is, _)| *is == name).map(|(_, value)| value.as_str());
        by.verify(&Signed::of(header, b"{}").unwrap(), now).await
    }

    #[tokio::test]
    async fn secrets_are_read_once_in_five_minutes() {
        let (source, known) = (Arc::new(Changing::default()), secret("the secret of both"));
        source.set(Some(known.clone()));
        let verifier = Verifier::new(source.clone());
        for second in [0, 1, 299] {
            assert_eq!(verified(&verifier, &known, NOW + second).await, Ok(()));
        }
        assert_eq!(source.reads(), 1);
        assert_eq!(verified(&verifier, &known, NOW + 300).await, Ok(()));
        assert_eq!(source.reads(), 2);
    }

    #[tokio::test]
    async fn a_new_secret_is_accepted_at_once_and_noise_causes_few_reads() {
        let (source, old) = (Arc::new(Changing::default()), secret("the secret of both"));
        source.set(Some(old.clone()));
        let verifier = Verifier::new(source.clone());
        assert_eq!(verified(&verifier, &old, NOW).await, Ok(()));
        let new = secret("the one that took its place");
        source.set(Some(new.clone()));
        assert_eq!(verified(&verifier, &new, NOW + 10).await, Ok(()));
        assert_eq!(source.reads(), 2);
        let mismatch = Err(Unverified::Signature(SignatureError::Mismatch));
        for _ in 0..9 {
            assert_eq!(verified(&verifier, &old, NOW + 11).await, mismatch);
        }
        assert_eq!(source.reads(), 2);
    }

    #[tokio::test]
    async fn while_the_secret_cannot_be_read_nothing_is_taken_and_it_is_tried_again() {
        let (source, known) = (Arc::new(Changing::default()), secret("the secret of both"));
        let verifier = Verifier::new(source.clone());
        let away = verified(&verifier, &known, NOW).await;
        assert!(matches!(away, Err(Unverified::Secret(_))), "{away:?}");
        source.set(Some(known.clone()));
        assert_eq!(verified(&verifier, &known, NOW).await, Ok(()));
    }
}
