//! Reads the current and the previous version of a secret in AWS Secrets Manager.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_types::SdkConfig;

/// The label that Secrets Manager gives to the version in use.
const CURRENT: &str = "AWSCURRENT";

/// The label that Secrets Manager gives to the version that was in use before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// Why a secret could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("Secrets Manager did not return the secret {0}: {1}")]
    Refused(String, String),
    #[error("the secret {0} must exist, and must have a text (SecretString)")]
    NoText(String),
}

/// The two versions of a secret that may be in use.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretVersions {
    pub current: String,
    /// When the current version was created, in seconds since the Unix epoch.
    pub since: i64,
    /// The previous version; `None` once its label `AWSPREVIOUS` has been removed.
    pub previous: Option<String>,
}

impl std::fmt::Debug for SecretVersions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretVersions").field("since", &self.since).finish_non_exhaustive()
    }
}

/// Reads one secret.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    client: Client,
    /// The secret's ARN or name.
    id: String,
}

impl StoredSecret {
    #[must_use]
    pub fn new(config: &SdkConfig, id: impl Into<String>) -> Self {
        Self::with(Client::new(config), id)
    }

    /// The secret with this ARN or name, read by `client`.
    #[must_use]
    pub fn with(client: Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into() }
    }

    /// The text of the current version.
    ///
    /// # Errors
    /// If Secrets Manager refuses or does not answer, or if the secret does not exist or has no
    /// text.
    pub async fn current(&self) -> Result<String, SecretError> {
        self.newest().await.map(|(text, _)| text)
    }

    /// The current and the previous version of the secret.
    ///
    /// # Errors
    /// If Secrets Manager refuses or does not answer, or if the secret does not exist or has no
    /// text.
    pub async fn read(&self) -> Result<SecretVersions, SecretError> {
        let (text, since) = self.newest().await?;
        let previous = self.version(PREVIOUS).await?;
        let previous = previous.and_then(|version| version.secret_string().map(ToOwned::to_owned));
        Ok(SecretVersions { current: text, since, previous })
    }

    /// The text of the current version, and when it was created, in seconds since the Unix epoch.
    async fn newest(&self) -> Result<(String, i64), SecretError> {
        let missing = || SecretError::NoText(self.id.clone());
        let current = self.version(CURRENT).await?.ok_or_else(missing)?;
        let since = current.created_date().map_or(0, aws_smithy_types::DateTime::secs);
        Ok((current.secret_string().ok_or_else(missing)?.to_owned(), since))
    }

    /// The version with this label; `None` if no version has the label, or if the secret does not
    /// exist.
    async fn version(&self, label: &str) -> Result<Option<GetSecretValueOutput>, SecretError> {
        let request = self.client.get_secret_value().secret_id(&self.id).version_stage(label);
        match request.send().await {
            Ok(version) => Ok(Some(version)),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_resource_not_found_exception() => Ok(None),
                _ => {
                    let answer = DisplayErrorContext(&error).to_string();
                    Err(SecretError::Refused(self.id.clone(), answer))
                }
            },
        }
    }
}
