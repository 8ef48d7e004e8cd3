//! The contract that a carrier has to fulfil for the shop: as a document for people and tools, and
//! as checks of a candidate.

mod checks;
mod document;
mod inbox;
mod verify;

pub use document::{CONTRACT_PATH, document};
pub use verify::{Candidate, Verified, verify};
