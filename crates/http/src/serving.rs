//! A listening server with limits on the time and the number of connections.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::Problem;
use crate::server::{MAX_BODY, into_http};

/// The least time between two warnings about exhausted connections.
const WARN_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The pause after the system could not accept a connection.
const ACCEPTED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The limits of a server's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may stay open without a complete request head: before its first
    /// request, and after each response. Then it is closed.
    pub idle: Duration,
    /// How long a request's body may take to arrive. Then the response is 408.
    pub body: Duration,
    /// The most connections that are open at once; further ones wait until one is closed.
    pub connections: usize,
}

impl Default for Limits {
    /// 30 seconds for each time limit, as API Gateway allows for a request, and 1,000 connections.
    fn default() -> Self {
        let half_a_minute = Duration::from_secs(30);
        Self { idle: half_a_minute, body: half_a_minute, connections: 1_000 }
    }
}

/// Serves `router` on `listener` until `stop` completes, then finishes the requests in progress.
/// Handlers find the peer's address as [`ConnectInfo`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    let router = router.layer(from_fn_with_state(limits, with_whole_body));
    let mut slots = ConnectionSlots {
        free: Arc::new(Semaphore::new(limits.connections)),
        limits,
        last_warning: None,
    };
    let mut server = Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.idle);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let slot = slots.acquire().await;
            (slot, accepted(&listener).await)
        };
        let (slot, (stream, peer)) = tokio::select! {
            biased;
            () = &mut stop => break,
            next = next => next,
        };
        let router = router.clone();
        let service = service_fn(move |request| answered(router.clone(), peer, request));
        let connection = open.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection was broken off");
            }
            drop(slot);
        });
    }
    // Closes the listening socket, so that new connections are refused at once instead of waiting.
    drop(listener);
    open.shutdown().await;
}

/// The free connections of a server.
struct ConnectionSlots {
    free: Arc<Semaphore>,
    limits: Limits,
    /// When the last warning that none is free was logged.
    last_warning: Option<Instant>,
}

impl ConnectionSlots {
    /// Reserves a connection; waits until one is free.
    async fn acquire(&mut self) -> OwnedSemaphorePermit {
        let free = Arc::clone(&self.free);
        if let Ok(slot) = Arc::clone(&free).try_acquire_owned() {
            return slot;
        }
        if self.last_warning.is_none_or(|last_warning| last_warning.elapsed() >= WARN_AGAIN_AFTER) {
            let connections = self.limits.connections;
            tracing::warn!(connections, "as many connections as may be are open: others wait");
            self.last_warning = Some(Instant::now());
        }
        free.acquire_owned().await.expect("nothing closes the semaphore")
    }
}

/// Accepts the next connection. After a system error, such as too many open files, it tries again.
async fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPTED_AGAIN_AFTER).await;
            }
        }
    }
}

/// Whether the error concerns this connection only: the caller closed it.
fn of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn answered(
    router: Router,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request).await
}

/// Reads a request's body within the time limit, before the request is handled.
async fn with_whole_body(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let problem = match tokio::time::timeout(limits.body, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => return next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Err(_)) => Problem::too_large(),
        Err(_) => {
            let seconds = limits.body.as_secs_f32();
            Problem::new(408, "timeout", format!("the body did not come within {seconds} seconds"))
        }
    };
    into_http(problem.into())
}
