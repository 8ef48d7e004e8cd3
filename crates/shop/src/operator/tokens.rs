//! Tokens for callers of the API of a shop on this machine.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chorus_events::callers::{LOCAL, ROLES};
use chorus_events::{CustomerId, is_plain_text};
use chorus_http::Caller;
use chorus_table::IdentifierError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OperatorApi, Refused};

/// The longest name of a caller with a role, in characters.
const MAX_NAME: usize = 200;

/// The caller for whom a token is requested.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenRequest {
    /// The caller's name. Without a role, the caller is a customer, and the name is the customer's
    /// id.
    pub name: String,
    pub role: Option<String>,
}

impl TokenRequest {
    #[must_use]
    pub fn caller(self) -> Caller {
        Caller::with_roles(self.name, self.role)
    }

    /// Checks the name and the role.
    ///
    /// # Errors
    /// If the role is unknown, or the name is not allowed.
    pub fn check(&self) -> Result<(), NotAToken> {
        let Self { name, role } = self;
        if name.eq_ignore_ascii_case(LOCAL) {
            return Err(NotAToken::Local);
        }
        match role {
            None => {
                let id = name.parse::<CustomerId>();
                id.map(drop).map_err(NotAToken::Customer)
            }
            Some(role) if ROLES.iter().any(|known| known.name == role) => {
                let is_name = is_plain_text(name, MAX_NAME) && name.trim() == name;
                if is_name { Ok(()) } else { Err(NotAToken::Name) }
            }
            Some(role) => Err(NotAToken::Role(role.clone())),
        }
    }
}

/// Why there is no token for a name and a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    /// Without a role, the name must be a customer's id. The error in the field states the rule for
    /// such ids.
    #[error("the customer's id {0}")]
    Customer(IdentifierError),
    #[error(
        "a name must be 1 to {MAX_NAME} characters of plain text, without leading or trailing spaces"
    )]
    Name,
    #[error("the name `{LOCAL}` is reserved for callers who need no token: choose another name")]
    Local,
    #[error("the role must be a role that the API knows: there is no role `{0}`")]
    Role(String),
}

/// Mints a token if the caller who asks for it has every role. A trusted caller on this machine has
/// every role. No token has every role, so a token can never be used to mint another token.
pub(super) async fn mint(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(asked): Json<TokenRequest>,
) -> Result<Json<Value>, Refused> {
    if !ROLES.iter().all(|role| by.has(*role)) {
        let why = "to get a new token, call from this machine, and without a token";
        return Err(Refused(StatusCode::FORBIDDEN, why.to_owned()));
    }
    if let Err(refused) = asked.check() {
        return Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, refused.to_string()));
    }
    Ok(Json(json!({ "token": operator.key.mint(&asked.caller())? })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, role: Option<&str>) -> Result<(), NotAToken> {
        TokenRequest { name: name.to_owned(), role: role.map(ToOwned::to_owned) }.check()
    }

    #[test]
    fn a_token_names_somebody_who_can_be_told_from_others() {
        for name in ["", " ", " maria", "a\u{1b}[2Jb", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(check(name, Some("reviewer")), Err(NotAToken::Name), "{name:?}");
        }
        for id in ["", " ", "..", "ana smith"] {
            assert!(matches!(check(id, None), Err(NotAToken::Customer(_))), "{id:?}");
        }
        for name in ["local", "Local"] {
            assert_eq!(check(name, Some("reviewer")), Err(NotAToken::Local));
        }
        assert_eq!(check("maria", Some("king")), Err(NotAToken::Role("king".to_owned())));
        assert!(check("Maria Anders", Some("reviewer")).is_ok() && check("ana", None).is_ok());
    }
}
