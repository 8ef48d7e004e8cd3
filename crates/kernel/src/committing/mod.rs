//! Committing: load the state, let the action decide, commit the decision, publish its events, mark
//! its record as published. All actions share this code.

mod allowance;
mod answer;
mod commit;
mod failure;
mod function;
mod handler;
mod message;
pub(crate) mod outgoing;
mod outputs;
mod publish;
pub(crate) mod record;
mod starter;
mod sweep;
mod torn;
mod written;

pub use allowance::Allowance;
pub use answer::{Handled, Outcome};
pub use commit::is_older_than_records;
pub use failure::Failure;
pub use function::Function;
pub use handler::{Handler, handler};
pub use message::{Attempt, Message, Task};
pub use outgoing::derived_id;
pub use outputs::RowOutputs;
pub use publish::{Publisher, Rejected, publish_all};
pub use record::{
    IDEMPOTENCY_TABLE, RECORD_LIFETIME, UNPUBLISHED_INDEX, check_record, committed_events,
    ignored_at, left_to_sweeper, machine_starts, record_key, recorded_events, unpublished_records,
};
pub use sweep::{Swept, sweep};
pub use torn::{Torn, torn};
pub use written::WrittenItem;
