//! Responses that stay open, such as server-sent events: how many may be open at once, and when
//! they end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue};
use axum::response::Response as HttpResponse;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Caller, Problem};

/// How many responses one caller may keep open at once.
const OF_ONE_CALLER: usize = 20;

/// When the token of a request expires. The gate (`gate.rs`), which checks tokens, puts this value
/// into the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expiry(pub(crate) SystemTime);

/// The open responses of a server. The server puts this value into the extensions of each request.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    /// One permit for each further response that may stay open.
    free: Arc<Semaphore>,
    of_callers: Arc<Mutex<BTreeMap<Caller, usize>>>,
}

impl Streams {
    /// Lets at most `most` responses stay open at once, and at most 20 responses to one caller.
    pub(crate) fn at_most(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), of_callers: Arc::default() }
    }

    fn open(&self, caller: Caller) -> Result<Slot, Problem> {
        let refused = |why: &str| {
            let what = "close one, or send a request that neither waits nor streams";
            Problem::new(429, "too-many-streams", format!("{why} stay open: {what}"))
        };
        let mut open = self.of_callers();
        let of_caller = open.get(&caller).copied().unwrap_or_default();
        if of_caller >= OF_ONE_CALLER {
            return Err(refused(&format!("{OF_ONE_CALLER} streaming responses to this caller")));
        }
        let permit = Arc::clone(&self.free).try_acquire_owned();
        let permit = permit.map_err(|_| refused("too many streaming responses of this server"))?;
        open.insert(caller.clone(), of_caller + 1);
        drop(open);
        Ok(Slot { streams: self.clone(), caller, _permit: permit })
    }

    fn of_callers(&self) -> MutexGuard<'_, BTreeMap<Caller, usize>> {
        self.of_callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open response. When the slot is dropped, the caller may open another response.
#[derive(Debug)]
struct Slot {
    streams: Streams,
    caller: Caller,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.streams.of_callers();
        let left = open.get(&self.caller).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            open.remove(&self.caller);
        } else {
            open.insert(self.caller.clone(), left);
        }
    }
}

/// The permission to keep a response open. A handler keeps the permission while it waits, or passes
/// the permission to the response with [`Self::hold`].
#[derive(Debug)]
pub struct OpenStream {
    /// `None` for a request that this process sent to itself without a server.
    slot: Option<Slot>,
    until: Option<SystemTime>,
}

impl OpenStream {
    /// The permission for the request with these extensions.
    ///
    /// # Errors
    /// 429 if the maximum of open responses is reached: 20 responses to one caller, or half of the
    /// server's connections in all.
    pub fn of(extensions: &Extensions) -> Result<Self, Problem> {
        let caller = Caller::of(extensions);
        let streams = extensions.get::<Streams>();
        let slot = streams.map(|streams| streams.open(caller)).transpose()?;
        Ok(Self { slot, until: extensions.get::<Expiry>().map(|Expiry(at)| *at) })
    }

    /// Ends `response` when the caller's token expires. The response counts as open until it has
    /// ended.
    #[must_use]
    pub fn hold(self, response: HttpResponse) -> HttpResponse {
        let Self { slot, until } = self;
        let expired = async move {
            match until {
                Some(at) => {
                    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
                    tokio::time::sleep(left).await;
                }
                None => std::future::pending().await,
            }
        };
        let mut response = response.map(|body| {
            let data = body.into_data_stream().take_until(Box::pin(expired));
            Body::from_stream(data.inspect(move |_| {
                // The closure owns the slot, so that the slot is dropped with the stream.
                let _held = &slot;
            }))
        });
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<S: Sync> FromRequestParts<S> for OpenStream {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.extensions)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use axum::body::to_bytes;

    fn asked(streams: &Streams, caller: &str) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(streams.clone());
        extensions.insert(Caller::customer(caller));
        extensions
    }

    #[test]
    fn one_caller_keeps_no_more_than_twenty_responses_open_and_leaves_room_for_others() {
        let streams = Streams::at_most(30);
        let ana = asked(&streams, "ana");
        let mut open: Vec<_> = (0..20).map(|_| OpenStream::of(&ana).unwrap()).collect();
        let refused = OpenStream::of(&ana).unwrap_err();
        assert_eq!(refused.status, 429);
        assert!(refused.detail.as_deref().unwrap().contains("close one"), "{refused:?}");
        let bob = asked(&streams, "bob");
        let bobs: Vec<_> = (0..10).map(|_| OpenStream::of(&bob).unwrap()).collect();
        assert_eq!(OpenStream::of(&asked(&streams, "cleo")).unwrap_err().status, 429, "in all");
        drop(bobs);
        open.pop();
        assert!(OpenStream::of(&ana).is_ok(), "one was closed");
    }

    #[tokio::test]
    async fn a_response_counts_as_open_until_it_has_ended() {
        let streams = Streams::at_most(1);
        let ana = asked(&streams, "ana");
        let response = OpenStream::of(&ana).unwrap().hold(HttpResponse::new(Body::from("told")));
        assert_eq!(OpenStream::of(&ana).unwrap_err().status, 429);
        assert_eq!(to_bytes(response.into_body(), 10).await.unwrap(), "told");
        assert!(OpenStream::of(&ana).is_ok());
    }

    #[tokio::test]
    async fn a_response_ends_when_the_token_expires() {
        let streams = Streams::at_most(1);
        let mut ana = asked(&streams, "ana");
        ana.insert(Expiry(SystemTime::now() + Duration::from_millis(50)));
        let endless = futures_util::stream::pending::<Result<&[u8], std::convert::Infallible>>();
        let response = HttpResponse::new(Body::from_stream(endless));
        let held = OpenStream::of(&ana).unwrap().hold(response);
        let data = to_bytes(held.into_body(), 10);
        let data = tokio::time::timeout(Duration::from_secs(60), data).await;
        assert_eq!(data.expect("it ended").unwrap(), "");
        assert!(OpenStream::of(&ana).is_ok(), "it is not open any more");
    }
}
