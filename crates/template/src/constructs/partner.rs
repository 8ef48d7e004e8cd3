//! How the bus reaches a partner: a connection with our credentials, and an API destination.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, either, only_if, reference};

/// The credentials with which EventBridge calls a partner.
#[derive(Debug)]
pub struct Connection {
    /// `API_KEY`, `BASIC` or `OAUTH_CLIENT_CREDENTIALS`.
    pub kind: Value,
    pub credentials: Value,
}

impl Construct for Connection {
    fn resource(&self) -> Resource {
        let properties =
            json!({ "AuthorizationType": self.kind, "AuthParameters": self.credentials });
        Resource::new("AWS::Events::Connection", properties)
    }
}

#[derive(Debug)]
pub struct ApiDestination {
    /// The logical id of the connection with our credentials.
    pub connection: String,
    /// The endpoint's URL; each rule replaces `*` with a path.
    pub endpoint: Value,
    /// The most calls per second.
    pub calls_per_second: Value,
}

impl Construct for ApiDestination {
    fn resource(&self) -> Resource {
        let properties = json!({
            "ConnectionArn": arn(&self.connection),
            "HttpMethod": "POST",
            "InvocationEndpoint": self.endpoint,
            "InvocationRateLimitPerSecond": self.calls_per_second,
        });
        Resource::new("AWS::Events::ApiDestination", properties)
    }
}

/// A secret, which Secrets Manager generates unless a parameter sets it.
#[derive(Debug)]
pub struct GeneratedSecret {
    pub description: &'static str,
    /// The condition under which the secret exists; `None` if it always does.
    pub condition: Option<&'static str>,
    /// A condition and a parameter: if the condition holds, the secret's value is the parameter's.
    /// `None` if the value is always generated.
    pub given: Option<(&'static str, &'static str)>,
}

impl Construct for GeneratedSecret {
    fn resource(&self) -> Resource {
        let made = json!({ "ExcludePunctuation": true, "PasswordLength": 48 });
        let mut properties = json!({ "Description": self.description });
        match self.given {
            None => properties["GenerateSecretString"] = made,
            Some((condition, parameter)) => {
                let none = reference("AWS::NoValue");
                properties["GenerateSecretString"] = either(condition, none, made);
                properties["SecretString"] = only_if(condition, reference(parameter));
            }
        }
        let mut resource = Resource::new("AWS::SecretsManager::Secret", properties);
        resource.condition = self.condition.map(ToOwned::to_owned);
        resource
    }
}
