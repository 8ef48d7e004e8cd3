//! A Cognito user pool for the API's callers. The pool exists only if no other issuer of tokens is
//! configured.

use serde_json::json;

use super::{Construct, Resource};
use crate::intrinsics::{reference, stack_name};

/// A user pool in which only an administrator creates users, so that nobody can sign up under a
/// customer's name.
#[derive(Debug, Clone, Copy)]
pub struct UserPool {
    /// The condition under which the pool exists.
    pub condition: &'static str,
}

impl Construct for UserPool {
    fn resource(&self) -> Resource {
        let properties = json!({
            "UserPoolName": stack_name("callers"),
            "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": true },
            "UsernameConfiguration": { "CaseSensitive": true },
            "Policies": {
                "PasswordPolicy": {
                    "MinimumLength": 12,
                    "RequireLowercase": true,
                    "RequireNumbers": true,
                    "RequireSymbols": false,
                    "RequireUppercase": true,
                },
            },
        });
        let mut resource = Resource::new("AWS::Cognito::UserPool", properties);
        resource.condition = Some(self.condition.to_owned());
        resource
    }
}

/// The app client with which a pool's tokens are requested.
#[derive(Debug, Clone, Copy)]
pub struct UserPoolClient {
    pub pool: &'static str,
    pub condition: &'static str,
}

impl Construct for UserPoolClient {
    fn resource(&self) -> Resource {
        let properties = json!({
            "UserPoolId": reference(self.pool),
            "ClientName": stack_name("api"),
            "GenerateSecret": false,
            "PreventUserExistenceErrors": "ENABLED",
            "ExplicitAuthFlows": [
                "ALLOW_ADMIN_USER_PASSWORD_AUTH",
                "ALLOW_USER_SRP_AUTH",
                "ALLOW_REFRESH_TOKEN_AUTH",
            ],
        });
        let mut resource = Resource::new("AWS::Cognito::UserPoolClient", properties);
        resource.condition = Some(self.condition.to_owned());
        resource
    }
}

/// A group of a user pool. The group is named after a role, which its members have.
#[derive(Debug, Clone, Copy)]
pub struct UserPoolGroup {
    pub pool: &'static str,
    pub role: &'static str,
    pub condition: &'static str,
}

impl Construct for UserPoolGroup {
    fn resource(&self) -> Resource {
        let properties = json!({
            "UserPoolId": reference(self.pool),
            "GroupName": self.role,
        });
        let mut resource = Resource::new("AWS::Cognito::UserPoolGroup", properties);
        resource.condition = Some(self.condition.to_owned());
        resource
    }
}
