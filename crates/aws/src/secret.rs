//! A secret of AWS Secrets Manager, with the one that it replaced.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
use aws_types::SdkConfig;

/// How Secrets Manager labels the version that is to be used.
const CURRENT: &str = "AWSCURRENT";

/// How it labels the version that was current before.
const PREVIOUS: &str = "AWSPREVIOUS";

/// Why a secret is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    #[error("Secrets Manager: {0}")]
    Refused(String),
    #[error("the secret {0} has no text")]
    NoText(String),
}

/// The two versions of a secret that may be in use.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretVersions {
    pub current: String,
    /// Since when it is, in seconds since the Unix epoch.
    pub since: i64,
    /// The one before, until its label is taken away.
    pub previous: Option<String>,
}

impl std::fmt::Debug for SecretVersions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretVersions").field("since", &self.since).finish_non_exhaustive()
    }
}

/// Reads a secret.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    client: Client,
    /// Its ARN or name.
    id: String,
}

impl StoredSecret {
    #[must_use]
    pub fn new(config: &SdkConfig, id: impl Into<String>) -> Self {
        Self::with(Client::new(config), id)
    }

    /// The secret of this ARN or name, read by `client`.
    #[must_use]
    pub fn with(client: Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into() }
    }

    /// The secret as it is now.
    ///
    /// # Errors
    /// Where Secrets Manager refuses, does not answer, or holds no text.
    pub async fn read(&self) -> Result<SecretVersions, SecretError> {
        let missing = || SecretError::NoText(self.id.clone());
        let current = self.version(CURRENT).await?.ok_or_else(missing)?;
        let since = current.created_date().map_or(0, aws_smithy_types::DateTime::secs);
        let text = current.secret_string().ok_or_else(missing)?.to_owned();
        let previous = self.version(PREVIOUS).await?;
        let previous = previous.and_then(|version| version.secret_string().map(ToOwned::to_owned));
        Ok(SecretVersions { current: text, since, previous })
    }

    /// The version with this label; none where no version has it.
    async fn version(&self, label: &str) -> Result<Option<GetSecretValueOutput>, SecretError> {
        let request = self.client.get_secret_value().secret_id(&self.id).version_stage(label);
        match request.send().await {
            Ok(version) => Ok(Some(version)),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_resource_not_found_exception() => Ok(None),
                _ => Err(SecretError::Refused(DisplayErrorContext(&error).to_string())),
            },
        }
    }
}
