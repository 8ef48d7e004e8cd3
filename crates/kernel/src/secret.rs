//! The source of a secret. A function reads a secret when the secret is first needed.

use std::fmt;

use async_trait::async_trait;

use crate::Failure;

/// A source of a secret of type `T`. A function reads the secret only when the secret is needed:
/// the start of a function makes no request, and no environment variable holds the secret.
#[async_trait]
pub trait Secret<T>: fmt::Debug + Send + Sync {
    /// Reads the secret that is currently in use.
    ///
    /// # Errors
    /// A retryable failure if the secret cannot be read now.
    async fn read(&self) -> Result<T, Failure>;
}

/// A secret that is known from the start, for example because the whole application runs on one
/// machine.
#[derive(Debug, Clone)]
pub struct KnownSecret<T>(pub T);

#[async_trait]
impl<T: Clone + fmt::Debug + Send + Sync> Secret<T> for KnownSecret<T> {
    async fn read(&self) -> Result<T, Failure> {
        Ok(self.0.clone())
    }
}
