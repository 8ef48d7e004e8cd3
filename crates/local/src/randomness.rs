//! The operating system's randomness, for keys that nobody can guess.

use chorus_kernel::{Failure, Randomness};

#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandomness;

impl Randomness for OsRandomness {
    fn key(&self) -> Result<[u8; 32], Failure> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| {
            Failure::later(
                "NoRandomness",
                format!("the operating system gave no random key: {error}"),
            )
        })?;
        Ok(key)
    }
}
