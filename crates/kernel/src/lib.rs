//! The kernel: the code around every pure decision, written once and used by every service.
//!
//! An action is the decision of a service on a message. The kernel loads the state that the action
//! reads. The kernel commits the decision in one transaction, together with an idempotency record
//! that holds the outgoing events. Then it publishes the events, and marks the record as published.
//! A crash before the commit leaves nothing behind. After a later crash, a redelivery of the
//! message publishes the recorded events; so does the sweeper, which looks for unpublished records.
//! The kernel does not depend on AWS, on HTTP, or on the wall clock: the store, the bus, the state
//! machines and the clock are passed in.
//!
//! To write an action:
//!
//! | to | use |
//! |---|---|
//! | decide | [`Action`], or [`ExternalAction`] with [`Step`] for an external call; [`Decision`], [`ActionError`], [`Context`] |
//! | declare the state that an action reads | [`Found`], [`IfNamed`], [`Each`], [`Folded`]; [`state!`] for several of them |
//! | store state | [`Entity`] with [`Counter`], or [`Fold`] over a stream |
//! | change stored state | [`create()`], [`replace`], [`save`], [`put_if_newer`], [`add`], [`append`], [`unchanged`] |
//! | encrypt incoming text about people, and decrypt text that is shown | [`People`], [`SealingKey`] |
//! | use a secret | [`Secret`] |
//! | wait for an answer from outside | [`Callback`], [`Signal`] |
//! | register actions, tables and state machines | [`Function`], [`TableSpec`], [`MachineSpec`] |
//! | test | [`testing::decide`] on [`testing::Stored`] state |
//!
//! An adapter implements [`Store`], [`Publisher`], [`Machines`] and [`Clock`]; its store has to
//! pass [`testing::port_suite`].

mod breaking;
mod callbacks;
mod clock;
mod committing;
mod deciding;
mod people;
mod region;
mod secret;
mod store;

pub mod testing;

pub use breaking::{Breakers, OpenCircuit, PARTNER_UNAVAILABLE, is_open, open_circuits};
pub use callbacks::{
    Answers, Callback, CallbackDomain, Kept, MachineSpec, Machines, NoMachines, Signal,
    SignalOutcome, with_limits,
};
pub use clock::{Clock, Seconds};
pub use committing::{
    Allowance, Attempt, Failure, Function, Handled, Handler, IDEMPOTENCY_TABLE, Message, Outcome,
    Publisher, RECORD_LIFETIME, Rejected, RowOutputs, Swept, Task, Torn, UNPUBLISHED_INDEX,
    WrittenItem, check_record, committed_events, derived_id, handler, ignored_at,
    is_older_than_records, left_to_sweeper, machine_starts, publish_all, record_key,
    recorded_events, sweep, torn, unpublished_records,
};
pub use deciding::{
    Action, ActionError, Begun, CallContext, Context, Counter, Decided, Decision, Each, EachKeys,
    Entity, ExternalAction, Fold, Folded, Found, IfNamed, Input, OutcomeUnknown, Read, Reading,
    Recorded, State, Step, Versioned, add, append, create, entity_key, load, put_if_newer,
    read_recorded, replace, save, stream, stream_key, stream_partition, tally, unchanged,
};
pub use people::{Keyring, Opener, PERSON_KEYS_TABLE, People, PersonKey, Randomness, SealingKey};
pub use region::{
    ActiveRegion, REGION_CACHE_TIME, REGIONS_TABLE, Region, at_home, execution_name, signal_at_home,
};
pub use secret::{KnownSecret, Secret};
pub use store::{
    Condition, Expressions, Index, Item, Key, MOST_READ_AT_ONCE, MemoryStore, Page, Query, Reason,
    Store, StoreError, TableSpec, Update, Write, number, query_all, text,
};

use std::sync::Arc;

/// Handles messages through its ports: the store, the bus, the state machines and the clock.
/// Remembers circuit breakers and people's keys.
#[derive(Clone)]
pub struct Kernel {
    pub store: Arc<dyn Store>,
    pub bus: Arc<dyn Publisher>,
    pub machines: Arc<dyn Machines>,
    pub clock: Arc<dyn Clock>,
    /// The circuit breakers, which all invocations of one instance share.
    pub breakers: Breakers,
    pub keyring: Keyring,
    /// The region in which this kernel runs; none if the deployment has only one region.
    pub region: Option<Region>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel").finish_non_exhaustive()
    }
}

impl Kernel {
    /// Access to people's encryption keys, for code that receives or shows text about people.
    #[must_use]
    pub fn people(&self) -> People {
        People::new(Arc::clone(&self.store), Arc::clone(&self.clock), self.keyring.clone())
    }

    /// Loads the entity `id` in its current state, for code that only reads it.
    ///
    /// # Errors
    /// If the store fails, or the stored item does not fit the entity.
    pub async fn find<E: Entity>(&self, id: &E::Id) -> Result<Found<E>, Failure> {
        load(&*self.store, id.clone()).await
    }
}
