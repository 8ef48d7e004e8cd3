//! The HTTP client for requests to AWS: HTTP/1.1 over TLS, with one pool of connections for all SDK
//! clients.
//!
//! The SDK's own client also supports HTTP/2 and proxies, which a Lambda function does not need.
//! The root certificates are compiled in, so a cold start reads no file.

use std::sync::OnceLock;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;

/// The HTTP client of all SDK clients. It connects at the first request, and keeps the connection
/// for later requests.
#[derive(Debug, Default)]
pub(crate) struct Http1 {
    pool: OnceLock<SharedHttpConnector>,
}

impl HttpClient for Http1 {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.pool.get_or_init(|| SharedHttpConnector::new(Pool::new(settings))).clone()
    }
}

/// The pool of connections. It sets no timeout for a whole request, because the SDK itself drops a
/// request that takes too long.
#[derive(Debug)]
struct Pool(Client<HttpsConnector<Tcp>, SdkBody>);

impl Pool {
    fn new(settings: &HttpConnectorSettings) -> Self {
        let mut tcp = Tcp::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(settings.connect_timeout());
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(aws_lc_rs::default_provider())
            .expect("AWS-LC supports the versions of TLS that rustls considers safe")
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self(Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(tls))
    }
}

impl HttpConnector for Pool {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => {
                return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into())));
            }
        };
        let answer = self.0.request(request);
        HttpConnectorFuture::new(async move {
            // Any failure of the connection counts as transient, so that the SDK retries the
            // request.
            let response = answer.await.map_err(|error| ConnectorError::io(error.into()))?;
            HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::time::Duration;

    use super::*;

    fn pool() -> Pool {
        let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_secs(1));
        Pool::new(&settings.build())
    }

    async fn ask(pool: &Pool, url: &str) -> Result<HttpResponse, ConnectorError> {
        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_uri(url).unwrap();
        pool.call(request).await
    }

    /// Accepts one connection, and answers every request on it with 200.
    fn answer(listener: &TcpListener) {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while lines.by_ref().map_while(Result::ok).any(|line| line.is_empty()) {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_connection_is_kept_for_the_next_request() {
        let (listener, address) = listener();
        std::thread::spawn(move || answer(&listener));
        let pool = pool();
        for _ in 0..2 {
            let response = ask(&pool, &format!("http://{address}/")).await.unwrap();
            assert_eq!(response.status().as_u16(), 200);
            let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
            assert_eq!(body.to_bytes(), "ok");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_tried_again() {
        let (closed, address) = listener();
        drop(closed);
        let error = ask(&pool(), &format!("http://{address}/")).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
    }

    #[tokio::test]
    async fn a_connection_by_https_is_encrypted() {
        let (listener, address) = listener();
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut record = [0; 3];
            std::io::Read::read_exact(&mut stream, &mut record).unwrap();
            record
        });
        let error = ask(&pool(), &format!("https://localhost:{}/", address.port())).await;
        assert!(error.unwrap_err().is_io());
        // The first bytes are a TLS handshake, not an HTTP request.
        assert_eq!(peer.join().unwrap(), [22, 3, 1]);
    }
}
