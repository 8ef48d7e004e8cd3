//! The kernel: what stands around every pure decision, written once and used by every service.
//!
//! An [`Action`] decides; the kernel loads what it reads, commits what it decided in one
//! transaction together with an idempotency record that holds the outgoing events, publishes
//! them, and marks the record. A crash before the commit leaves nothing; after it, whoever comes
//! next publishes the very same events. The kernel knows nothing of AWS, of HTTP servers, or of
//! the wall clock: the store, the bus and the clock are handed in.

mod action;
mod answer;
mod answers;
mod change;
mod clock;
mod commit;
mod decision;
mod entity;
mod failure;
mod function;
mod handler;
mod item;
mod loaded;
mod machines;
mod message;
mod outgoing;
mod outreach;
mod publish;
mod record;
mod starter;
mod store;
mod sweep;
mod wait;

pub mod testing;

pub use action::{Action, Given, Refusal, Unanswered};
pub use answer::{Answered, Outcome};
pub use answers::Answers;
pub use change::{Adjust, append, create, newest, replace, save};
pub use clock::{Clock, Seconds};
pub use decision::{Decision, Step};
pub use entity::{Entity, Fold, Recorded, Versioned, entity_key, stream_key, stream_partition};
pub use failure::Failure;
pub use function::Function;
pub use handler::{Handler, handler};
pub use item::{Item, Key, number, text};
pub use loaded::{Loaded, Read, read_recorded, stream};
pub use machines::{Heard, MachineSpec, Machines, NoMachines, Signal};
pub use message::{Attempt, Message, Task};
pub use outgoing::derived_id;
pub use outreach::{Outreach, Pure};
pub use publish::{Publisher, Rejected, publish_all};
pub use record::{IDEMPOTENCY_TABLE, RECORD_LIFETIME, UNPUBLISHED_INDEX};
pub use store::{Condition, Index, Page, Query, Reason, Store, StoreError, TableSpec, Write};
pub use sweep::{Swept, sweep};
pub use wait::{Domain, Wait};

use std::sync::Arc;

/// What the kernel stands on: a store, a bus, state machines and a clock.
#[derive(Clone)]
pub struct Kernel {
    /// Items and transactions.
    pub store: Arc<dyn Store>,
    /// Where events go.
    pub bus: Arc<dyn Publisher>,
    /// Where executions run.
    pub machines: Arc<dyn Machines>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").finish_non_exhaustive()
    }
}

impl Kernel {
    /// The entity `id`, as it is now: for queries.
    ///
    /// # Errors
    /// Where the store fails, or the stored item does not fit the entity.
    pub async fn find<E: Entity>(&self, id: &str) -> Result<Option<Versioned<E>>, Failure> {
        let item = self.store.get(&entity_key::<E>(id)).await?;
        item.as_ref().map(loaded::read_entity).transpose()
    }
}
