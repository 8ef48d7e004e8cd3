//! The port to a secret, which a function reads when it first needs it.

use std::fmt;

use async_trait::async_trait;

use crate::Failure;

/// A source of a secret of type `T`. It is read when it is needed, so that no environment variable
/// holds it, and a function starts without a request for it.
#[async_trait]
pub trait Secret<T>: fmt::Debug + Send + Sync {
    /// The secret in use.
    ///
    /// # Errors
    /// A retryable failure if the secret cannot be read now.
    async fn read(&self) -> Result<T, Failure>;
}

/// A secret that is known from the start, such as when the whole application runs on one machine.
#[derive(Debug, Clone)]
pub struct KnownSecret<T>(pub T);

#[async_trait]
impl<T: Clone + fmt::Debug + Send + Sync> Secret<T> for KnownSecret<T> {
    async fn read(&self) -> Result<T, Failure> {
        Ok(self.0.clone())
    }
}
