//! The contract that a carrier has to fulfil for the shop: as an OpenAPI document, and as checks of
//! an implementation.

mod checks;
mod document;
mod inbox;
mod verify;

pub use document::{CONTRACT_PATH, document};
pub use verify::{Candidate, Verified, verify};
