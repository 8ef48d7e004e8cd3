//! The server limits how long requests may take to arrive, and how many connections are open.
#![cfg(feature = "server")]
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::{get, post};
use chorus_http::{Callers, Limits, MAX_BODY, OpenStream, Role, restricted, serve};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Long enough for a response on a busy machine, and far shorter than [`LONG`].
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

const GENEROUS: Limits = Limits { idle: LONG, body: LONG, connections: 8 };

/// A response that never ends by itself.
async fn stream(open: OpenStream) -> Response {
    let begun = futures_util::stream::once(async { Ok::<_, std::io::Error>("begun") });
    let body = futures_util::StreamExt::chain(begun, futures_util::stream::pending());
    open.hold(Response::new(Body::from_stream(body)))
}

/// A route for operators.
fn closed() -> Router {
    let router = Router::new().route("/closed", post(|body: String| async move { body }));
    const OPERATORS: Callers = Callers::with(&[Role::new("operator")]);
    restricted(router, OPERATORS)
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn with(limits: Limits) -> Self {
        let router = Router::new()
            .route("/", get(|peer: ConnectInfo<SocketAddr>| async move { peer.0.to_string() }))
            .route("/", post(|body: String| async move { body.len().to_string() }))
            .route("/stream", get(stream))
            .merge(closed());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = serve(listener, router, limits, async move { stopped.await.unwrap() });
        Self { address, stop, serving: tokio::spawn(serving) }
    }

    async fn connection(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// What the server sends until it closes the connection; waits at most [`LONG`].
async fn rest(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    timeout(LONG, connection.read_to_string(&mut text)).await.unwrap().unwrap();
    text
}

/// One response, on a connection that stays open.
async fn answer(connection: &mut TcpStream) -> String {
    let mut bytes = vec![0; 1_000];
    let read = timeout(LONG, connection.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}

#[tokio::test]
async fn a_caller_is_answered_and_known_by_its_address() {
    let server = Server::with(GENEROUS).await;
    let mut connection = server.connection().await;
    connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let own = connection.local_addr().unwrap().to_string();
    let answer = answer(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(&own), "{answer}");
}

#[tokio::test]
async fn headers_that_do_not_end_close_their_connection() {
    let server = Server::with(Limits { idle: SHORT, ..GENEROUS }).await;
    let mut connection = server.connection().await;
    connection.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    let since = Instant::now();
    rest(&mut connection).await;
    assert!((SHORT..LONG).contains(&since.elapsed()));
}

#[tokio::test]
async fn a_connection_without_a_further_request_is_closed() {
    let server = Server::with(Limits { idle: SHORT, ..GENEROUS }).await;
    let mut connection = server.connection().await;
    connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut connection).await.starts_with("HTTP/1.1 200 OK"));
    let mut silent = server.connection().await;
    assert_eq!(rest(&mut silent).await, "", "nor need there have been a first one");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_with_408() {
    let server = Server::with(Limits { body: SHORT, ..GENEROUS }).await;
    let mut connection = server.connection().await;
    connection.write_all(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    let answer = rest(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
    assert!(answer.contains("the body must arrive within 0.3 seconds"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_answered_with_413() {
    let server = Server::with(GENEROUS).await;
    let mut connection = server.connection().await;
    let chunk = "f\r\n123456789012345\r\n".repeat(MAX_BODY / 15 + 1);
    connection.write_all(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    // The server may close the connection before it has received everything.
    let sent = connection.write_all(chunk.as_bytes()).await;
    let answer = answer(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large"), "{answer} {sent:?}");
}

#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_not_waited_for() {
    let server = Server::with(GENEROUS).await;
    for length in [MAX_BODY + 1, 99_999_999_999] {
        let mut connection = server.connection().await;
        let head = format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large"), "{length}: {answer}");
    }
}

#[tokio::test]
async fn the_body_of_a_caller_who_is_not_served_is_not_waited_for() {
    let server = Server::with(GENEROUS).await;
    let mut connection = server.connection().await;
    let head = b"POST /closed HTTP/1.1\r\ncontent-length: 999999\r\n\r\n";
    connection.write_all(head).await.unwrap();
    let answer = rest(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized"), "{answer}");
}

#[tokio::test]
async fn responses_that_stay_open_leave_half_of_the_connections_to_others() {
    let server = Server::with(GENEROUS).await;
    let ask = b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..GENEROUS.connections / 2 {
        let mut connection = server.connection().await;
        connection.write_all(ask).await.unwrap();
        assert!(answer(&mut connection).await.starts_with("HTTP/1.1 200 OK"));
        open.push(connection);
    }
    let mut refused = server.connection().await;
    refused.write_all(ask).await.unwrap();
    let response = answer(&mut refused).await;
    assert!(
        response.starts_with("HTTP/1.1 429 Too Many Requests") && response.contains("close one")
    );
    open.pop();
    let since = Instant::now();
    loop {
        let mut again = server.connection().await;
        again.write_all(ask).await.unwrap();
        if answer(&mut again).await.starts_with("HTTP/1.1 200 OK") {
            break;
        }
        assert!(since.elapsed() < LONG, "a connection that was closed still counts");
    }
}

#[tokio::test]
async fn a_caller_above_the_bound_waits_until_a_connection_is_closed_and_that_is_logged_once() {
    let log = NamedTempFile::new().unwrap();
    let lines =
        tracing_subscriber::fmt().with_ansi(false).with_writer(Mutex::new(log.reopen().unwrap()));
    let _logged = tracing::subscriber::set_default(lines.finish());
    let server = Server::with(Limits { connections: 2, ..GENEROUS }).await;
    let ask = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut served = [server.connection().await, server.connection().await];
    for connection in &mut served {
        connection.write_all(ask).await.unwrap();
        assert!(answer(connection).await.starts_with("HTTP/1.1 200 OK"));
    }
    let mut third = server.connection().await;
    third.write_all(ask).await.unwrap();
    let mut byte = [0];
    timeout(SHORT, third.read(&mut byte)).await.unwrap_err();
    let [first, _second] = served;
    drop(first);
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 200 OK"));
    drop(third);
    let mut fourth = server.connection().await;
    fourth.write_all(ask).await.unwrap();
    answer(&mut fourth).await;
    let logged = std::fs::read_to_string(log.path()).unwrap();
    assert_eq!(logged.matches("the maximum number of connections is open").count(), 1, "{logged}");
    assert!(logged.contains("WARN") && logged.contains("connections=2"), "{logged}");
}

#[tokio::test]
async fn what_has_begun_is_finished_when_the_server_stops() {
    let server = Server::with(GENEROUS).await;
    let mut idle = server.connection().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    answer(&mut idle).await;
    let mut busy = server.connection().await;
    busy.write_all(b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf").await.unwrap();
    tokio::time::sleep(SHORT).await;
    server.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    busy.write_all(b" more").await.unwrap();
    assert!(rest(&mut busy).await.ends_with('9'));
    timeout(LONG, server.serving).await.unwrap().unwrap();
}
