//! One HTTP/1.1 request over TLS, and its response.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;

use ::http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use ::http::{HeaderValue, Method, Request, StatusCode};

use super::API_VERSION;

/// The longest response that is read, in bytes. An intent with its charge has only a few kilobytes.
const MAX_ANSWER: usize = 1 << 20;

/// The longest time that opening a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

pub(super) struct Exchange<'a> {
    pub(super) method: Method,
    pub(super) url: &'a str,
    pub(super) key: &'a str,
    /// The URL-encoded form; empty for a request without a form.
    pub(super) body: String,
}

impl Http {
    pub(super) fn new(timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(aws_lc_rs::default_provider())
            .expect("AWS-LC speaks the versions of TLS that rustls takes for safe")
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(tls);
        Self { client, timeout }
    }

    /// Sends a request and returns the response's status and body. The error says why there is no
    /// response.
    pub(super) async fn exchange(
        &self,
        exchange: Exchange<'_>,
    ) -> Result<(StatusCode, Bytes), String> {
        let answered = tokio::time::timeout(self.timeout, self.answer(exchange)).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
    }

    async fn answer(
        &self,
        Exchange { method, url, key, body }: Exchange<'_>,
    ) -> Result<(StatusCode, Bytes), String> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}"))
            .map_err(|_| "the key has characters that a header cannot have".to_owned())?;
        bearer.set_sensitive(true);
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header(AUTHORIZATION, bearer)
            .header("stripe-version", API_VERSION)
            .header(USER_AGENT, concat!("chorus/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| with_causes(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        Ok((status, body.map_err(|error| with_causes(&*error))?.to_bytes()))
    }
}

/// An error with its causes, which hyper's own text omits.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut with_causes = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        with_causes.push_str(&format!(": {error}"));
        cause = error.source();
    }
    with_causes
}
