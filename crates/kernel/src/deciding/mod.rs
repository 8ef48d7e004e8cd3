//! Deciding: what an action declares, the state and the message that the kernel passes to it, and
//! the decision that it returns.

mod action;
mod change;
mod decision;
mod entity;
mod external;
pub(crate) mod state;

pub use action::{Action, ActionError, Context, Decided, Input, OutcomeUnknown};
pub(crate) use change::put;
pub use change::{Counter, add, append, create, put_if_newer, replace, save, tally, unchanged};
pub use decision::Decision;
pub use entity::{Entity, Fold, Recorded, Versioned, entity_key, stream_key, stream_partition};
pub(crate) use external::WithoutCalls;
pub use external::{CallContext, ExternalAction, Step};
pub(crate) use state::load_beside;
pub use state::{
    Begun, Each, EachKeys, Folded, Found, IfNamed, Read, Reading, State, load, read_recorded,
    stream,
};
