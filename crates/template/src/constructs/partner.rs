//! How the bus reaches a partner: a connection that knows us, and an address.

use serde_json::{Value, json};

use super::{Construct, Resource};
use crate::intrinsics::{arn, either, only_if, reference};

/// Says who we are to a partner.
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
    /// Who we are to it.
    pub connection: String,
    /// The address; `*` stands for a path that each rule fills in.
    pub endpoint: Value,
    /// The most calls in one second.
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

/// A generated secret.
#[derive(Debug)]
pub struct GeneratedSecret {
    pub description: &'static str,
    /// The condition under which it is needed, where it is not always.
    pub condition: Option<&'static str>,
    /// The condition under which a person gave it, and the parameter that has it then.
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
        resource.condition = self.condition;
        resource
    }
}
