//! A server that limits how long requests may take to arrive, and how many connections are open.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;
use tower::ServiceExt;

use crate::Problem;
use crate::server::{MAX_BODY, announces_too_much};
use crate::streams::Streams;

/// The shortest time between two warnings that the maximum number of connections is open.
const WARN_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// The pause after the operating system failed to accept a connection.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How long the server waits for the rest of a body that the handler did not read.
const SKIP_BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The limits of a server's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long a connection may stay open without a complete request head, before its first
    /// request and after each response. After that time, the server closes the connection.
    pub idle: Duration,
    /// How long a request's body may take to arrive. If it takes longer, the response is 408.
    pub body: Duration,
    /// How many connections may be open at once; further connections wait until one is closed.
    /// Responses that stay open may use at most half of this number.
    pub connections: usize,
}

impl Default for Limits {
    /// Each time limit is 30 seconds, as API Gateway allows for a request, and at most 1,000
    /// connections are open.
    fn default() -> Self {
        let half_a_minute = Duration::from_secs(30);
        Self { idle: half_a_minute, body: half_a_minute, connections: 1_000 }
    }
}

/// Serves `router` on `listener` until `stop` completes, then finishes the requests in progress.
/// Handlers find the peer's address as [`ConnectInfo`] in the request's extensions.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    let router = router.layer(from_fn_with_state(limits, with_bounded_body));
    let streams = Streams::at_most(limits.connections / 2);
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
        let (router, streams) = (router.clone(), streams.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(streams.clone());
            answered(router.clone(), request)
        });
        let connection = open.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended with an error");
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
    /// When the server last warned that all connections are open.
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
            tracing::warn!(
                connections,
                "the maximum number of connections is open: further connections wait"
            );
            self.last_warning = Some(Instant::now());
        }
        free.acquire_owned().await.expect("nothing closes the semaphore")
    }
}

/// Accepts the next connection. After a system error, such as too many open files, tries again
/// after a pause.
async fn accepted(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted: retrying in a second");
                tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
            }
        }
    }
}

/// Whether the error concerns one connection only, because the caller closed that connection.
fn of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn answered(router: Router, request: Request) -> Result<Response, Infallible> {
    router.oneshot(request).await
}

/// Bounds the size of a request's body, and the time in which the body may arrive. The handler
/// reads the body, so that the server does not wait for the body of a caller whom access control
/// rejects.
async fn with_bounded_body(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if announces_too_much(request.headers()) {
        return Problem::too_large().into_response();
    }
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let arriving = Arc::new(Mutex::new(Arriving {
        body: body.into_data_stream(),
        time: limits.body,
        deadline: tokio::time::Instant::now() + limits.body,
        size: 0,
        failed: None,
    }));
    let read = unfold(Arc::clone(&arriving), async |arriving| {
        let chunk = arriving.lock().await.next().await?;
        Some((chunk, arriving))
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(read))).await;
    let mut arriving = arriving.lock().await;
    match arriving.failed.take() {
        // The handler's response is replaced, because the handler knows that the body is
        // incomplete, but not why.
        Some(problem) => problem.into_response(),
        None => {
            arriving.skip_rest().await;
            response
        }
    }
}

/// A body that is being received.
struct Arriving {
    body: BodyDataStream,
    /// How long the whole body may take to arrive. At `deadline`, that time is over.
    time: Duration,
    deadline: tokio::time::Instant,
    /// How many bytes have arrived.
    size: usize,
    /// Why the body was not received completely; `None` if nothing has failed.
    failed: Option<Problem>,
}

impl Arriving {
    /// The next part of the body; an error once the body is too large or too late.
    async fn next(&mut self) -> Option<Result<Bytes, axum::Error>> {
        let problem = match timeout_at(self.deadline, self.body.next()).await {
            Ok(Some(Ok(chunk))) => {
                self.size += chunk.len();
                if self.size <= MAX_BODY {
                    return Some(Ok(chunk));
                }
                Problem::too_large()
            }
            Ok(ended) => return ended,
            Err(_) => {
                let seconds = self.time.as_secs_f32();
                let why = format!("the body must arrive within {seconds} seconds");
                Problem::new(408, "timeout", why)
            }
        };
        self.failed = Some(problem);
        Some(Err(axum::Error::new("the body was not received completely")))
    }

    /// Reads and discards the part of the body that the handler did not read. If the server closed
    /// the connection while the caller was still sending, the caller might not get the response.
    async fn skip_rest(&mut self) {
        self.deadline = self.deadline.min(tokio::time::Instant::now() + SKIP_BODY_TIMEOUT);
        while let Some(Ok(_)) = self.next().await {}
    }
}
