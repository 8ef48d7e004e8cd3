//! A listening server, whose connections may take so long, and of which there may be so many.

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

/// A warning about the same lack is repeated after so long.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// After how long a connection is accepted again where the system refuses one.
const ACCEPTED_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a server gives a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For how long a connection may be open without a whole request line and headers: before its
    /// first request, and after each answer. Then it is closed.
    pub idle: Duration,
    /// For how long a request's body may take to come. Then it is answered with 408.
    pub body: Duration,
    /// How many connections may be open at once; further ones wait until one is closed.
    pub connections: usize,
}

impl Default for Limits {
    /// Half a minute each, as API Gateway gives a request, and 1,000 connections.
    fn default() -> Self {
        let half_a_minute = Duration::from_secs(30);
        Self { idle: half_a_minute, body: half_a_minute, connections: 1_000 }
    }
}

/// Answers by `router` what comes to `listener` until `stop` comes, and finishes what it has begun.
/// Handlers find the peer's address as [`ConnectInfo`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    let router = router.layer(from_fn_with_state(limits, with_whole_body));
    let mut room = Room { free: Arc::new(Semaphore::new(limits.connections)), limits, said: None };
    let mut server = Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.idle);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = room.place().await;
            (place, accepted(&listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
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
            drop(place);
        });
    }
    // Who comes now is refused at once, instead of waiting for nobody.
    drop(listener);
    open.shutdown().await;
}

/// Room for so many connections.
struct Room {
    free: Arc<Semaphore>,
    limits: Limits,
    /// When it was last said that there is none.
    said: Option<Instant>,
}

impl Room {
    /// A place for one connection, waited for where all are taken.
    async fn place(&mut self) -> OwnedSemaphorePermit {
        let free = Arc::clone(&self.free);
        if let Ok(place) = Arc::clone(&free).try_acquire_owned() {
            return place;
        }
        if self.said.is_none_or(|said| said.elapsed() >= SAID_AGAIN_AFTER) {
            let connections = self.limits.connections;
            tracing::warn!(connections, "as many connections as may be are open: others wait");
            self.said = Some(Instant::now());
        }
        free.acquire_owned().await.expect("nothing closes the semaphore")
    }
}

/// The next connection. What the system refuses, such as for want of files, is tried again.
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

/// Whether the caller went away, which says nothing of the next one.
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

/// Reads a request's body before anything acts on it, in the time that it may take.
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
