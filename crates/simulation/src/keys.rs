//! Encryption keys for personal data in a simulation. They come from the run's seed, so that a run
//! is reproducible.

use std::sync::{Mutex, PoisonError};

use chorus_kernel::{Failure, Randomness};
use chorus_local::Random;

pub(crate) struct SeededKeys(Mutex<Random>);

impl SeededKeys {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Mutex::new(Random::seeded(seed)))
    }
}

impl Randomness for SeededKeys {
    fn key(&self) -> Result<[u8; 32], Failure> {
        let mut random = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = [0; 32];
        for eight in key.chunks_exact_mut(8) {
            eight.copy_from_slice(&random.next().to_be_bytes());
        }
        Ok(key)
    }
}
