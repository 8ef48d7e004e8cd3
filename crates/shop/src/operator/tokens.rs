//! Tokens for callers on this machine.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use chorus_events::callers::ROLES;
use chorus_http::Caller;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{OperatorApi, Refused};

/// The caller that a token is to name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenRequest {
    /// The caller's name; without a role, the customer's id.
    pub name: String,
    pub role: Option<String>,
}

impl TokenRequest {
    #[must_use]
    pub fn caller(self) -> Caller {
        Caller::with_roles(self.name, self.role)
    }
}

/// Mints a token, but only for a caller with every role, such as a trusted call from this machine.
/// No token has every role, so no token can be used to mint another.
pub(super) async fn mint(
    State(operator): State<OperatorApi>,
    Extension(by): Extension<Caller>,
    Json(asked): Json<TokenRequest>,
) -> Result<Json<Value>, Refused> {
    if !ROLES.iter().all(|role| by.has(*role)) {
        let why = "only a call from this machine without a token is given one";
        return Err(Refused(StatusCode::FORBIDDEN, why.to_owned()));
    }
    let known = |role: &String| ROLES.iter().any(|known| known.name == role);
    if asked.name.is_empty() || !asked.role.iter().all(known) {
        let why = "a token needs a name, and names no unknown role";
        return Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, why.to_owned()));
    }
    Ok(Json(json!({ "token": operator.key.mint(&asked.caller())? })))
}
