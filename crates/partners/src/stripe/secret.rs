//! Reads Stripe's API key from AWS Secrets Manager, at the first request.

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_types::SdkConfig;
use tokio::sync::Mutex;

use super::{KeyError, KeySource, SecretKey};

/// A secret whose whole text is the key. If Stripe rejects the key, the secret is read again,
/// because the key may have been replaced.
#[derive(Debug)]
pub struct KeyInSecretsManager {
    client: Client,
    /// The secret's ARN or name.
    secret: String,
    /// Whether a key for Stripe's test mode is rejected.
    live_only: bool,
    known: Mutex<Option<SecretKey>>,
}

impl KeyInSecretsManager {
    #[must_use]
    pub fn new(config: &SdkConfig, secret: String, live_only: bool) -> Self {
        Self { client: Client::new(config), secret, live_only, known: Mutex::new(None) }
    }

    async fn read(&self) -> Result<SecretKey, KeyError> {
        let request = self.client.get_secret_value().secret_id(&self.secret);
        let answer = request.send().await.map_err(|error| {
            KeyError::Unreachable(format!("Secrets Manager: {}", DisplayErrorContext(error)))
        })?;
        let text = answer.secret_string().unwrap_or_default();
        let key: SecretKey = text.parse().map_err(|error| {
            KeyError::Refused(format!("the secret {} is not a key: {error}", self.secret))
        })?;
        if self.live_only && !key.is_live() {
            let why =
                format!("the secret {} holds a test key; production needs a live key", self.secret);
            return Err(KeyError::Refused(why));
        }
        Ok(key)
    }
}

#[async_trait]
impl KeySource for KeyInSecretsManager {
    async fn key(&self) -> Result<SecretKey, KeyError> {
        let mut known = self.known.lock().await;
        if let Some(key) = &*known {
            return Ok(key.clone());
        }
        let key = self.read().await?;
        *known = Some(key.clone());
        Ok(key)
    }

    async fn refused(&self) {
        *self.known.lock().await = None;
    }
}
