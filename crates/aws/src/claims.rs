//! Identifies the caller by the claims of a token that the API's authorizer has verified.

use std::collections::BTreeMap;

use chorus_http::Caller;
use serde_json::Value;

use crate::run::variable;

/// The names of the claims that contain the caller's name and roles. The environment variables
/// `TOKEN_NAME_CLAIM` and `TOKEN_ROLES_CLAIM` override the defaults, which are Cognito's claims.
#[derive(Debug, Clone)]
pub(crate) struct TokenClaims {
    /// The claims that may contain the caller's name; the first claim that is present counts. The
    /// name of a customer is also the customer's id.
    names: Vec<String>,
    roles: String,
}

impl TokenClaims {
    /// The claims of Cognito's access tokens, or the claims that environment variables name
    /// instead.
    pub(crate) fn from_env() -> Self {
        Self::new(variable("TOKEN_NAME_CLAIM"), variable("TOKEN_ROLES_CLAIM"))
    }

    pub(crate) fn new(name: Option<String>, roles: Option<String>) -> Self {
        let names =
            name.map_or_else(|| vec!["username".to_owned(), "sub".to_owned()], |it| vec![it]);
        let roles = roles.unwrap_or_else(|| "cognito:groups".to_owned());
        Self { names, roles }
    }

    /// The caller that the claims of a token identify. The caller is unknown if there are no
    /// claims, or if no claim contains a name.
    pub(crate) fn caller(&self, claims: Option<&BTreeMap<String, Value>>) -> Caller {
        let Some(claims) = claims else { return Caller::unknown() };
        let name = self.names.iter().find_map(|claim| claims.get(claim)?.as_str());
        match name.filter(|name| !name.is_empty()) {
            Some(name) => {
                Caller::with_roles(name, claims.get(&self.roles).map_or_else(Vec::new, list))
            }
            None => Caller::unknown(),
        }
    }
}

/// Returns the values of a claim. API Gateway passes a claim that is an array as text, such as
/// `[staff reviewer]`.
fn list(claim: &Value) -> Vec<String> {
    match claim {
        Value::Array(values) => {
            values.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        }
        Value::String(text) => {
            let text = text.trim_start_matches('[').trim_end_matches(']');
            let names = text.split([' ', ',']).map(|name| name.trim_matches('"'));
            names.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn called(claims: Value) -> Caller {
        let claims: BTreeMap<String, Value> = serde_json::from_value(claims).unwrap();
        TokenClaims::new(None, None).caller(Some(&claims))
    }

    #[test]
    fn groups_are_roles_however_the_gateway_writes_them() {
        let maria = Caller::with_roles("maria", ["staff", "reviewer"]);
        for groups in [
            json!("[staff reviewer]"),
            json!("[\"staff\",\"reviewer\"]"),
            json!(["staff", "reviewer"]),
        ] {
            let claims = json!({ "username": "maria", "sub": "8a1", "cognito:groups": groups });
            assert_eq!(called(claims), maria, "{groups}");
        }
    }

    #[test]
    fn a_token_without_groups_is_a_customers_and_one_without_a_name_nobodys() {
        assert_eq!(called(json!({ "sub": "ana" })), Caller::customer("ana"));
        for claims in [json!({}), json!({ "username": "" }), json!({ "sub": 7 })] {
            assert_eq!(called(claims), Caller::unknown());
        }
    }

    #[test]
    fn an_issuer_of_ones_own_names_its_claims() {
        let claims = TokenClaims::new(Some("email".to_owned()), Some("roles".to_owned()));
        let token = json!({ "sub": "8a1", "email": "ana@example.com", "roles": ["operator"] });
        let token: BTreeMap<String, Value> = serde_json::from_value(token).unwrap();
        assert_eq!(
            claims.caller(Some(&token)),
            Caller::with_roles("ana@example.com", ["operator"])
        );
        assert_eq!(claims.caller(None), Caller::unknown());
    }
}
