//! Problem details for HTTP APIs, as RFC 9457 defines them. For a field that breaks a rule, the
//! problem details name the field and the rule.

use schemars::JsonSchema;
use serde::Serialize;

use chorus_kernel::{ActionError, Failure};

use crate::Response;

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// The field, as a JSON pointer such as `/lines/0/quantity` (the empty pointer for the whole
    /// body), or a header or parameter name.
    pub field: String,
    /// The rule that the field breaks.
    pub rule: String,
}

/// A problem details object (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// The kind of problem, for programs: a URN.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that break a rule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The failure's own code, for logs only: the response has the problem's type instead.
    #[serde(skip)]
    pub code: Option<&'static str>,
    /// The number of seconds after which the request may be sent again, for the header
    /// `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u16>,
}

impl Problem {
    /// A problem with this status. Its title is the status's standard text, such as `Not Found`.
    #[must_use]
    pub fn new(status: u16, kind: &str, detail: impl Into<String>) -> Self {
        let known = http::StatusCode::from_u16(status).ok();
        let title = known.and_then(|status| status.canonical_reason()).unwrap_or("Error");
        Self {
            kind: format!("urn:chorus:problem:{kind}"),
            title: title.to_owned(),
            status,
            detail: Some(detail.into()),
            errors: Vec::new(),
            code: None,
            retry_after: None,
        }
    }

    /// The last part of the problem's kind, such as `invalid-field`.
    pub(crate) fn name(&self) -> &str {
        self.kind.rsplit(':').next().unwrap_or_default()
    }

    /// The JSON Schema of problem details.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        crate::route::schema_of_answer::<Self>()
    }

    /// The problem of a field that breaks a rule.
    #[must_use]
    pub fn field(status: u16, field: impl Into<String>, rule: impl Into<String>) -> Self {
        let (field, rule) = (field.into(), rule.into());
        let mut problem = Self::new(status, "invalid-field", format!("{field}: {rule}"));
        problem.errors.push(FieldError { field, rule });
        problem
    }
}

impl From<ActionError> for Problem {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Invalid { field, rule } => Self::field(422, field, rule),
            ActionError::NotFound(what) => Self::new(404, "not-found", what),
            ActionError::Conflict(why) => Self::new(409, "conflict", why),
            ActionError::Outdated(why) => Self::new(412, "precondition", why),
            ActionError::Later(why) => Self::new(503, "too-early", why),
            ActionError::Failed(failure) => failure.into(),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let problem = match &failure {
            Failure::Terminal { code: "KeyReused", message } => Self::field(
                422,
                "Idempotency-Key",
                format!("{message}: send each new request with a new key"),
            ),
            Failure::Terminal { code: "UnreadableEvent", message } => {
                Self::new(422, "unreadable", message.clone())
            }
            Failure::Terminal { .. } => Self::new(500, "internal", failure.to_string()),
            Failure::Retryable { .. } => Self::new(503, "try-again", failure.to_string()),
        };
        Self { code: Some(failure.code()), ..problem }
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let body = serde_json::to_value(&problem).unwrap_or_default();
        let mut response = Self::json(problem.status, body);
        response.content_type = "application/problem+json";
        if problem.status == 401 {
            response.headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        let retry_after = problem.retry_after.or((problem.status == 503).then_some(1));
        if let Some(seconds) = retry_after {
            response.headers.push(("retry-after", seconds.to_string()));
        }
        response
    }
}
