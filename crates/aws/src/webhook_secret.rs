//! Reads a secret from Secrets Manager when a webhook arrives, to verify the webhook.

use std::sync::Arc;

use async_trait::async_trait;
use chorus_webhook_signature::{
    SecretSource, SecretTooShort, SecretUnavailable, WebhookSecret, WebhookSecrets,
};

use crate::{SecretVersions, StoredSecret, sdk_config};

/// The secrets with which a function verifies webhooks: the current and the previous version of the
/// secret with this ARN or name.
#[must_use]
pub fn webhook_secrets(secret: impl Into<String>) -> Arc<dyn SecretSource> {
    Arc::new(InSecretsManager(StoredSecret::new(&sdk_config(), secret)))
}

/// The secret's current version and, during a rotation, the previous one.
#[derive(Debug)]
struct InSecretsManager(StoredSecret);

#[async_trait]
impl SecretSource for InSecretsManager {
    async fn read(&self) -> Result<WebhookSecrets, SecretUnavailable> {
        let unavailable = |error: &dyn std::fmt::Display| SecretUnavailable(error.to_string());
        let versions = self.0.read().await.map_err(|error| unavailable(&error))?;
        of(&versions).map_err(|error| unavailable(&error))
    }
}

fn of(versions: &SecretVersions) -> Result<WebhookSecrets, SecretTooShort> {
    let current: WebhookSecret = versions.current.parse()?;
    let previous = versions.previous.as_deref().map(str::parse).transpose()?;
    Ok(match previous {
        Some(previous) => WebhookSecrets::rotated(current, previous, versions.since),
        None => current.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(current: &str, previous: Option<&str>) -> SecretVersions {
        let previous = previous.map(ToOwned::to_owned);
        SecretVersions { current: current.to_owned(), since: 1_795_171_620, previous }
    }

    #[test]
    fn the_version_before_is_accepted_since_the_current_one_was_made() {
        let (new, old) = ("the secret of today", "the secret of yesterday");
        let expected =
            WebhookSecrets::rotated(new.parse().unwrap(), old.parse().unwrap(), 1_795_171_620);
        assert_eq!(of(&versions(new, Some(old))), Ok(expected));
        assert_eq!(of(&versions(new, None)), Ok(new.parse::<WebhookSecret>().unwrap().into()));
    }

    #[test]
    fn a_secret_that_is_too_short_verifies_nothing() {
        assert_eq!(of(&versions("short", None)), Err(SecretTooShort));
        assert_eq!(of(&versions("the secret of today", Some("short"))), Err(SecretTooShort));
    }
}
