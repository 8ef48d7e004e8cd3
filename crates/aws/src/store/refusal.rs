//! Converts DynamoDB's errors to the kernel's [`StoreError`].

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;
use chorus_kernel::{Reason, StoreError};

use super::requests::Attributes;
use crate::service_error::{ServiceError, classify, sort};

/// Converts the SDK's error about a request to a [`StoreError`].
pub(super) fn of<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    aws_sdk_dynamodb::Error: From<SdkError<E, HttpResponse>>,
{
    use aws_sdk_dynamodb::Error;
    let sorted = classify(&error);
    match Error::from(error) {
        Error::ConditionalCheckFailedException(refused) => {
            StoreError::Refused(vec![condition(refused.item)])
        }
        Error::TransactionConflictException(_) => StoreError::Refused(vec![Reason::Conflict]),
        Error::TransactionCanceledException(canceled) => {
            let message = canceled.message.unwrap_or_default();
            refused(&message, canceled.cancellation_reasons.unwrap_or_default())
        }
        _ => sorted.into(),
    }
}

impl From<ServiceError> for StoreError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Throttled(message) => Self::Throttled(message),
            ServiceError::Unavailable(message) => Self::Unavailable(message),
            ServiceError::Invalid(message) => Self::Invalid(message),
        }
    }
}

/// The error for a canceled transaction. If conditions failed or writes conflicted, and there is no
/// other reason, the error is a refusal with the reason of each write. Otherwise, the error is the
/// other reason, such as throttling.
fn refused(message: &str, reasons: Vec<CancellationReason>) -> StoreError {
    if reasons.is_empty() {
        return StoreError::Unavailable(format!(
            "DynamoDB canceled the transaction without a reason: {message}"
        ));
    }
    let foreign = reasons.iter().find(|reason| {
        !matches!(code(reason), "None" | "ConditionalCheckFailed" | "TransactionConflict")
    });
    if let Some(foreign) = foreign {
        let code = code(foreign);
        let detail = foreign.message().unwrap_or(message);
        return sort(code, 400, format!("{code}: {detail}")).into();
    }
    StoreError::Refused(reasons.into_iter().map(reason).collect())
}

fn code(reason: &CancellationReason) -> &str {
    reason.code().unwrap_or("None")
}

fn reason(reason: CancellationReason) -> Reason {
    match code(&reason) {
        "ConditionalCheckFailed" => condition(reason.item),
        "TransactionConflict" => Reason::Conflict,
        _ => Reason::Passed,
    }
}

/// The reason for refusing a write whose condition was not met. `item` is the item at the write's
/// key, if there was one.
fn condition(item: Option<Attributes>) -> Reason {
    let found = item.filter(|item| !item.is_empty());
    Reason::Condition(found.map(|item| Box::new(item.into())))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_sdk_dynamodb::types::error::{
        ConditionalCheckFailedException, ProvisionedThroughputExceededException,
        TransactionCanceledException,
    };
    use chorus_kernel::text;

    use super::*;

    fn answered<E>(error: E) -> SdkError<E, HttpResponse> {
        let status = 400.try_into().unwrap();
        SdkError::service_error(error, HttpResponse::new(status, "{}".into()))
    }

    fn canceled(codes: &[&str]) -> StoreError {
        let item = Attributes::from([("pk".to_owned(), AttributeValue::S("old".to_owned()))]);
        let reasons = codes.iter().map(|code| {
            let reason = CancellationReason::builder().code(*code);
            let old = (*code == "ConditionalCheckFailed").then(|| item.clone());
            reason.set_item(old).build()
        });
        let error = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons.collect()))
            .build();
        of(answered(TransactWriteItemsError::TransactionCanceledException(error)))
    }

    #[test]
    fn a_canceled_transaction_says_of_each_write_why() {
        let error = canceled(&["None", "ConditionalCheckFailed", "TransactionConflict"]);
        let StoreError::Refused(reasons) = error else { panic!("{error}") };
        assert_eq!(reasons[0], Reason::Passed);
        let Reason::Condition(Some(old)) = &reasons[1] else { panic!("{reasons:?}") };
        assert_eq!(text(old, "pk"), Some("old"));
        assert_eq!(reasons[2], Reason::Conflict);
    }

    #[test]
    fn a_transaction_that_was_throttled_or_wrong_is_not_refused() {
        let throttled = canceled(&["ConditionalCheckFailed", "ThrottlingError"]);
        assert!(matches!(throttled, StoreError::Throttled(_)), "{throttled}");
        let busy = canceled(&["ProvisionedThroughputExceeded"]);
        assert!(matches!(busy, StoreError::Throttled(_)), "{busy}");
        let wrong = canceled(&["ValidationError", "None"]);
        assert!(matches!(wrong, StoreError::Invalid(_)), "{wrong}");
        assert!(matches!(canceled(&[]), StoreError::Unavailable(_)));
    }

    #[test]
    fn a_refused_put_brings_the_item_that_is_there() {
        let nothing = ConditionalCheckFailedException::builder().build();
        let error = of(answered(PutItemError::ConditionalCheckFailedException(nothing)));
        assert!(
            matches!(error, StoreError::Refused(reasons) if reasons == [Reason::Condition(None)])
        );
    }

    #[test]
    fn throttling_and_a_missing_answer_are_told_apart() {
        let error = ProvisionedThroughputExceededException::builder()
            .meta(
                aws_sdk_dynamodb::error::ErrorMetadata::builder()
                    .code("ProvisionedThroughputExceededException")
                    .build(),
            )
            .build();
        let error = PutItemError::ProvisionedThroughputExceededException(error);
        assert!(matches!(of(answered(error)), StoreError::Throttled(_)));
        let silence: SdkError<PutItemError, HttpResponse> =
            SdkError::timeout_error("no answer within 2 s");
        assert!(matches!(of(silence), StoreError::Unavailable(_)));
    }
}
