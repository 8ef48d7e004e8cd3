//! The secret of the carrier's webhooks on AWS.

use std::sync::Arc;

use chorus_aws::{StartError, variable};
use chorus_webhook_signature::SecretSource;

/// The environment variable with the ARN of the carrier's webhook secret.
const WEBHOOK_SECRET_ARN: &str = "WEBHOOK_SECRET_ARN";

/// Returns the source of the secrets with which a deployed function verifies webhooks.
///
/// # Errors
/// If the variable `WEBHOOK_SECRET_ARN` is missing.
pub fn webhook_secrets() -> Result<Arc<dyn SecretSource>, StartError> {
    let secret = variable(WEBHOOK_SECRET_ARN).ok_or(StartError::Missing(WEBHOOK_SECRET_ARN))?;
    Ok(chorus_aws::webhook_secrets(secret))
}
