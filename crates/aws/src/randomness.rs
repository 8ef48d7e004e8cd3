//! Makes keys that nobody can guess from the operating system's random bytes.

use chorus_kernel::{Failure, Randomness};

#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandomness;

impl Randomness for OsRandomness {
    fn key(&self) -> Result<[u8; 32], Failure> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Failure::later("NoRandomness", error.to_string()))?;
        Ok(key)
    }
}
