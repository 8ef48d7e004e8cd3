//! People: each has a key of their own, under which all text about them is encrypted. Whoever
//! destroys the key has forgotten the person, in every event, record, log and backup at once.

mod key;
mod keys;

pub use key::SealingKey;
pub use keys::{Keyring, Opener, PERSON_KEYS_TABLE, People, PersonKey, Randomness};
