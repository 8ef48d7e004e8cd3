//! Sorts the errors of AWS services by how to handle them: throttled requests, requests whose
//! outcome is unknown, and invalid requests.
//!
//! Source of the codes:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html>.

use std::error::Error;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// An error of an AWS service. The variants say how to handle the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServiceError {
    /// Too many requests at once: retry later.
    Throttled(String),
    /// There was no valid response, so it is unknown whether the request took effect.
    Unavailable(String),
    /// The request is wrong; a retry would not help.
    Invalid(String),
}

/// Sorts an error of the SDK. If the request may have been sent, but has no valid response, the
/// error is [`ServiceError::Unavailable`].
pub(crate) fn classify<E>(error: &SdkError<E, HttpResponse>) -> ServiceError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => ServiceError::Invalid(chain(error)),
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("Unknown");
            let message = answer.err().message().unwrap_or("no message");
            sort(code, answer.raw().status().as_u16(), format!("{code}: {message}"))
        }
        _ => ServiceError::Unavailable(chain(error)),
    }
}

/// Sorts an error by the service's error code and the HTTP status.
pub(crate) fn sort(code: &str, status: u16, message: String) -> ServiceError {
    match code {
        "ProvisionedThroughputExceededException"
        | "ProvisionedThroughputExceeded"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "ThrottlingError"
        | "ThrottlingException"
        | "ThrottledException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestThrottled" => ServiceError::Throttled(message),
        // These errors are transient: Lambda renews credentials, and a conflicting transaction
        // ends.
        "ExpiredTokenException"
        | "ExpiredToken"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException"
        | "RequestExpired"
        | "ConcurrentModificationException" => ServiceError::Unavailable(message),
        _ if status == 429 => ServiceError::Throttled(message),
        _ if (400..500).contains(&status) => ServiceError::Invalid(message),
        _ => ServiceError::Unavailable(message),
    }
}

/// The messages of an error and of its causes. The messages contain no body of a request or
/// response, so they may be logged.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(code: &str, status: u16) -> ServiceError {
        sort(code, status, String::new())
    }

    #[test]
    fn what_passes_is_tried_again_and_what_is_wrong_is_not() {
        let empty = String::new;
        assert_eq!(sorted("ThrottlingException", 400), ServiceError::Throttled(empty()));
        assert_eq!(sorted("Whatever", 429), ServiceError::Throttled(empty()));
        assert_eq!(sorted("ExpiredTokenException", 400), ServiceError::Unavailable(empty()));
        assert_eq!(sorted("InternalServerError", 500), ServiceError::Unavailable(empty()));
        assert_eq!(sorted("ValidationException", 400), ServiceError::Invalid(empty()));
        assert_eq!(sorted("ResourceNotFoundException", 400), ServiceError::Invalid(empty()));
        assert_eq!(sorted("AccessDeniedException", 403), ServiceError::Invalid(empty()));
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_no_answer() {
        assert_eq!(sorted("Unknown", 302), ServiceError::Unavailable(String::new()));
    }
}
