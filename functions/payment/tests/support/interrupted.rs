//! A store that pauses before every access, so that the handlers of other messages run in between.

use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use chorus_kernel::{Item, Key, MemoryStore, Page, Query, Store, StoreError, Write};

/// Yields once to the handlers of other messages.
pub(crate) async fn pause() {
    let mut paused = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// A store that yields to the handlers of other messages before every access.
pub(crate) struct Interrupted(pub(crate) Arc<MemoryStore>);

#[async_trait]
impl Store for Interrupted {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        pause().await;
        self.0.get(key).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        pause().await;
        self.0.query(query).await
    }

    async fn write(&self, writes: &[Write]) -> Result<(), StoreError> {
        pause().await;
        self.0.write(writes).await
    }
}
