//! The configuration of the AWS clients, read from the environment variables that Lambda sets.
//!
//! The crate `aws-config` is not used: it also reads other sources, such as profiles and instance
//! metadata, which a Lambda function does not have. That crate also adds an STS client to every
//! binary.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::http_client::Http1;
use crate::variable;

/// How long one attempt of a request may take. AWS services respond within milliseconds; a response
/// that takes this long is treated as lost.
const TRY: Duration = Duration::from_secs(3);

/// The configuration of all AWS clients: the environment's region, endpoint and credentials.
///
/// A request has three attempts of three seconds each, so that a lost response does not use up an
/// invocation's time. `AWS_ENDPOINT_URL_<SERVICE>`, or else `AWS_ENDPOINT_URL`, is the URL of an
/// emulator, if there is one. Without credentials in the environment, every request fails.
#[must_use]
pub fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(TRY)
        .build();
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(variable("AWS_REGION").map(Region::new))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .http_client(Http1::default())
        .service_config(Environment);
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config.set_credentials_provider(credentials(variable).map(SharedCredentialsProvider::new));
    config.build()
}

/// Returns the environment's configuration, with `region` in place of the environment's region.
#[must_use]
pub fn sdk_config_in(region: &str) -> SdkConfig {
    sdk_config().into_builder().region(Region::new(region.to_owned())).build()
}

/// The credentials of the function's role. They need no refresh: Lambda replaces the execution
/// environment before they expire.
fn credentials(variable: impl Fn(&str) -> Option<String>) -> Option<Credentials> {
    let key = variable("AWS_ACCESS_KEY_ID")?;
    let secret = variable("AWS_SECRET_ACCESS_KEY")?;
    Some(Credentials::new(key, secret, variable("AWS_SESSION_TOKEN"), None, "the environment"))
}

/// Reads settings of a single AWS service from the environment. These settings override the
/// settings for all services.
#[derive(Debug)]
struct Environment;

impl LoadServiceConfig for Environment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        variable(&of_one_service(&key))
    }
}

/// The environment variable with a setting of a single AWS service, such as
/// `AWS_ENDPOINT_URL_DYNAMODB`.
fn of_one_service(key: &ServiceConfigKey<'_>) -> String {
    let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
    format!("{}_{service}", key.env())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Option<String> {
        name.strip_prefix("AWS_").map(str::to_lowercase)
    }

    #[test]
    fn credentials_are_those_of_the_functions_role_with_its_session() {
        let found = credentials(role).map(|it| {
            let token = it.session_token().map(ToOwned::to_owned);
            (it.access_key_id().to_owned(), it.secret_access_key().to_owned(), token)
        });
        let token = Some("session_token".to_owned());
        assert_eq!(found, Some(("access_key_id".into(), "secret_access_key".into(), token)));
    }

    #[test]
    fn half_a_pair_of_keys_is_none() {
        let half = |name: &str| role(name).filter(|_| name != "AWS_SECRET_ACCESS_KEY");
        assert!(credentials(half).is_none());
    }

    #[test]
    fn a_variable_of_one_service_has_its_name() {
        let named = |service_id| {
            let key = ServiceConfigKey::builder().service_id(service_id);
            key.profile("endpoint_url")
                .env("AWS_ENDPOINT_URL")
                .build()
                .map(|key| of_one_service(&key))
        };
        assert_eq!(named("DynamoDB").ok().as_deref(), Some("AWS_ENDPOINT_URL_DYNAMODB"));
        assert_eq!(
            named("Step-Functions").ok().as_deref(),
            Some("AWS_ENDPOINT_URL_STEP_FUNCTIONS")
        );
    }
}
