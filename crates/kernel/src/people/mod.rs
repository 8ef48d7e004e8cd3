//! People's keys: all text about a person is encrypted with a key of that person. Destroying the
//! key makes the text unreadable in every event, record, log and backup at once.

mod key;
mod keys;

pub use key::SealingKey;
pub use keys::{Keyring, Opener, PERSON_KEYS_TABLE, People, PersonKey, Randomness};
