//! Converts `dynoxide`'s errors to the errors of the kernel's port `Store`.

use chorus_kernel::{Reason, StoreError};
use dynoxide::DynoxideError;
use dynoxide::errors::CancellationReason;

use super::convert::from_engine;

/// SQLite's messages about a full, failing or read-only disk.
const OF_DISK: [&str; 3] =
    ["database or disk is full", "disk I/O error", "attempt to write a readonly database"];

/// The error of the kernel's port `Store` for a request that failed.
pub(super) fn of(error: DynoxideError) -> StoreError {
    match error {
        DynoxideError::ConditionalCheckFailedException(_, old) => {
            StoreError::Refused(vec![Reason::Condition(
                old.map(|item| Box::new(from_engine(item))),
            )])
        }
        DynoxideError::TransactionCanceledException(message, reasons) => canceled(message, reasons),
        DynoxideError::ProvisionedThroughputExceededException(message)
        | DynoxideError::LimitExceededException(message) => StoreError::Throttled(message),
        error @ (DynoxideError::InternalServerError(_) | DynoxideError::SqliteError(_)) => {
            outside(error)
        }
        other => StoreError::Invalid(other.to_string()),
    }
}

/// Whether the disk refused a write. `dynoxide` passes some of SQLite's errors on as text, so this
/// function searches the text for SQLite's messages.
pub(super) fn is_of_disk(error: &DynoxideError) -> bool {
    match error {
        DynoxideError::SqliteError(error) => crate::unwritable::is_of_disk(error),
        DynoxideError::InternalServerError(text) => {
            OF_DISK.iter().any(|message| text.contains(message))
        }
        _ => false,
    }
}

/// The error of the kernel's port `Store` for a failure of the store itself, for example while its
/// file is opened.
pub(super) fn outside(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// The error for a canceled transaction: a condition did not hold, another transaction wrote the
/// same item, or the transaction is invalid.
fn canceled(message: String, reasons: Vec<CancellationReason>) -> StoreError {
    let foreign = reasons.iter().find(|reason| {
        !matches!(reason.code.as_str(), "None" | "ConditionalCheckFailed" | "TransactionConflict")
    });
    if let Some(foreign) = foreign {
        let detail = foreign.message.clone().unwrap_or(message);
        return StoreError::Invalid(format!("{}: {detail}", foreign.code));
    }
    StoreError::Refused(reasons.into_iter().map(reason).collect())
}

fn reason(reason: CancellationReason) -> Reason {
    match reason.code.as_str() {
        "ConditionalCheckFailed" => {
            Reason::Condition(reason.item.map(|item| Box::new(from_engine(item))))
        }
        "TransactionConflict" => Reason::Conflict,
        _ => Reason::Passed,
    }
}
