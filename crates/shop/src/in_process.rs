//! Sends requests to a router of this process, without a socket.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

/// Sends a request to `router`; returns the status and the body of the response.
///
/// # Errors
/// If the body ends early, or has more than `most` bytes.
pub(crate) async fn send(
    router: &Router,
    request: Request<Body>,
    most: usize,
) -> Result<(StatusCode, Bytes), axum::Error> {
    let Ok(response) = router.clone().oneshot(request).await;
    let status = response.status();
    Ok((status, to_bytes(response.into_body(), most).await?))
}
